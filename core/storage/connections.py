"""Connections to the databases in which monitored tables lie; credentials come from the environment alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from core.errors import InputError, OutsideError

__all__ = ["PASSWORD", "check_url", "connected", "table_of"]

PASSWORD = "PLUMBLINE_SOURCE_PASSWORD"  # noqa: S105 (the variable's name)
Backend = Any
FORMS = "postgresql://host:5432/database, spark://host:7077 or local[2]"


def check_url(url: str) -> str:
    """An address without credentials; raises InputError.

    Examples
    --------
    >>> check_url("postgresql://reader@warehouse:5432/logs")
    'postgresql://reader@warehouse:5432/logs'
    """
    if url.startswith("local[") and url.endswith("]"):
        return url
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:  # a port that is no number
        port = -1
    if port < 0 or parts.scheme not in {"postgresql", "postgres", "spark"} or not parts.hostname:
        raise InputError(f"This is no address of a source; expected {FORMS}.")
    if parts.password is not None or parts.query or parts.fragment:
        raise InputError(
            f"The address holds a password or options, and addresses are stored and shown: leave them out and set "
            f"{PASSWORD}, or what PostgreSQL's own clients read (PGPASSWORD, ~/.pgpass, PGSSLMODE)."
        )
    return url


@contextmanager
def connected(url: str) -> Iterator[Backend]:
    """An Ibis connection; raises InputError without its extra.

    Whatever the database answers with an error, while it is connected to or asked, is an OutsideError in its words.
    """
    with (_on_spark if url.startswith(("spark:", "local[")) else _on_postgres)(url) as backend:
        yield backend


def table_of(backend: Backend, name: str) -> Any:
    """A table by name, 'schema.table' too; on Spark also a folder of Parquet files. Raises InputError."""
    from ibis.common.exceptions import IbisError, TableNotFound

    if backend.name == "pyspark" and "/" in name:
        return _instants(backend, backend.read_parquet(name))
    schema, _, table = name.rpartition(".")
    try:
        found = backend.table(table, database=schema or None)
    except (IbisError, TableNotFound) as error:
        raise InputError(f"There is no table {name!r} there, or it may not be read.") from error
    return _instants(backend, found) if backend.name == "pyspark" else found


def _instants(backend: Backend, table: Any) -> Any:
    """A table on Spark whose TIMESTAMP columns are instants, as they are there; Ibis takes them for local times."""
    kinds = backend._session.sql(backend.compile(table)).schema
    instants = [field.name for field in kinds if field.dataType.typeName() == "timestamp"]
    return table.cast(dict.fromkeys(instants, "timestamp('UTC')")) if instants else table


@contextmanager
def _on_postgres(url: str) -> Iterator[Backend]:
    try:
        import ibis
        import psycopg
    except ImportError as error:
        raise InputError("Tables in PostgreSQL need an extra: pip install 'plumbline[postgres]'.") from error
    parts = urlsplit(url)
    try:
        backend = ibis.postgres.connect(
            host=parts.hostname,
            port=parts.port or 5432,
            user=unquote(parts.username) if parts.username else os.environ.get("PGUSER"),
            password=os.environ.get(PASSWORD) or os.environ.get("PGPASSWORD"),
            database=unquote(parts.path.lstrip("/")) or None,
        )
        try:
            yield backend
        finally:
            backend.disconnect()
    except psycopg.Error as error:
        raise _refused(url, error) from error


@contextmanager
def _on_spark(url: str) -> Iterator[Backend]:
    try:
        import ibis
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise InputError("Tables on Spark need an extra: pip install 'plumbline[spark]', and Java.") from error
    try:
        session = (
            SparkSession.builder.master(url).appName("plumbline").config("spark.ui.enabled", "false").getOrCreate()
        )
        yield ibis.pyspark.connect(session)
    except (PySparkException, Py4JError) as error:  # Java's absence among them
        raise _refused(url, error) from error


def _refused(url: str, error: Exception) -> OutsideError:
    """What a database said, in its first line: more may hold what rows hold."""
    said = str(error).strip().splitlines()
    return OutsideError(f"{url} doesn't answer as asked: {said[0] if said else type(error).__name__}")
