"""The SQL database: SQLite by default, PostgreSQL by URL; reads see one snapshot, writes are serialised."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from core.errors import InputError, OutsideError

__all__ = ["HEAD", "Database", "take_lock"]

HEAD = "0010"  # the newest migration; a test holds it against migrations/versions
BUSY_SECONDS = 60
POOL_SIZE = 10  # connections that readers and writers of a SQLite database keep; as many again twice for a rush
FILES_LOCK = "files"


class Database:
    """Sessions on one database.

    On SQLite every write transaction begins IMMEDIATE, so that no update is lost between a read and
    the write that rests on it; on PostgreSQL a write takes an advisory lock named by what it changes.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise InputError("The database URL can't be read; use sqlite:/// or postgresql://.") from error
        if self.url.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError(
                f"The database URL names {self.url.get_backend_name()!r}; use sqlite:/// or postgresql://."
            )
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            engine = _engine(self.url.render_as_string(hide_password=False), is_sqlite=self.is_sqlite)
        except (ImportError, NoSuchModuleError) as error:
            raise InputError(
                f"The database URL {self.url.render_as_string(hide_password=True)} needs a driver that is not "
                'installed; write postgresql:// and install psycopg: pip install "psycopg[binary]".'
            ) from error
        # Both are of one engine, so that a statement is compiled once for either.
        self._reader: Engine = engine.execution_options(begin="BEGIN") if self.is_sqlite else engine
        self._writer: Engine = engine.execution_options(begin="BEGIN IMMEDIATE") if self.is_sqlite else engine

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads."""
        with _outside_errors(self), Session(self._reader) as session:
            if not self.is_sqlite:
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            yield session

    @contextmanager
    def write(self, lock: str = "workspace") -> Iterator[Session]:
        """A session that writes: all of it or, after any error, nothing.

        Holders of the same `lock` take turns; the holder of "files" excludes all others.
        """
        with _outside_errors(self), Session(self._writer) as session, session.begin():
            if not self.is_sqlite:
                if lock != FILES_LOCK:
                    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _lock_key(FILES_LOCK)})
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(lock)})
            yield session

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Hold a lock for longer than a transaction; whether it was free. On SQLite it always is."""
        if self.is_sqlite:
            yield True
            return
        with _outside_errors(self), self._writer.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            key = {"key": _lock_key(name)}
            is_ours = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
            try:
                yield is_ours
            finally:
                if is_ours:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    @property
    def writer(self) -> Engine:
        """The engine of write transactions."""
        return self._writer

    def migrate(self) -> None:
        """Bring the tables to the newest form; a no-op when they are."""
        with _outside_errors(self), self._reader.connect() as connection:
            current = _revision(connection)
        if current == HEAD:
            return
        from alembic import command

        with _outside_errors(self), self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key("migrate")})
            if _revision(connection) != HEAD:  # another process may have done it meanwhile
                command.upgrade(alembic_config(connection), "head")

    def close(self) -> None:
        """Give back all connections."""
        self._reader.dispose()
        self._writer.dispose()


def take_lock(session: Session, name: str) -> None:
    """Wait for a further lock until the transaction ends; SQLite's write transactions take turns as it is."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(name)})


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration for migrations on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _engine(url: str, *, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=2 * POOL_SIZE,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options()["begin"])

    return engine


def _revision(connection: Connection) -> str | None:
    from sqlalchemy import inspect

    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _lock_key(name: str) -> int:
    return zlib.crc32(name.encode())


@contextmanager
def _outside_errors(database: Database) -> Iterator[None]:
    """Say which database failed, without its password."""
    try:
        yield
    except DatabaseError as error:
        if type(error) not in (OperationalError, DatabaseError):  # constraints and wrong SQL are defects of ours
            raise
        shown = database.url.render_as_string(hide_password=True)
        raise OutsideError(f"The database {shown} failed: {_first_line(error)}") from error


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
