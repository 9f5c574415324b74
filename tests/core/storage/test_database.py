"""The SQL database: migrations up and down, write transactions that lose nothing, on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from core.errors import InputError, OutsideError
from core.storage.database import HEAD, Database, alembic_config
from core.storage.tables import Base
from tests.processes import at_once


def test_migrations_build_exactly_the_tables_that_the_code_declares(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_migrations_go_down_to_nothing_and_up_again(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.writer.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    with database.writer.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    database.migrate()
    with database.writer.connect() as connection:
        assert set(Base.metadata.tables) <= set(inspect(connection).get_table_names())
    database.close()


def test_the_newest_migration_is_the_one_the_code_expects(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.writer.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert script.get_current_head() == HEAD
    database.close()


def _increment(url: str, times: int) -> None:
    database = Database(url)
    for _ in range(times):
        with database.write() as session:
            value = session.execute(text("SELECT n FROM counter")).scalar_one()
            session.execute(text("UPDATE counter SET n = :n"), {"n": value + 1})
    database.close()


def test_eight_processes_that_read_and_then_write_lose_no_update(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
        session.execute(text("INSERT INTO counter VALUES (0)"))
    assert at_once(_increment, [(database_url, 25)] * 8) == [0] * 8
    with database.read() as session:
        assert session.execute(text("SELECT n FROM counter")).scalar_one() == 200
    database.close()


def test_a_write_that_fails_leaves_nothing(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))

    def insert_and_stop() -> None:
        with database.write() as session:
            session.execute(text("INSERT INTO counter VALUES (1)"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        insert_and_stop()
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM counter")).scalar_one() == 0
    database.close()


def test_a_reader_sees_one_snapshot_while_others_write(database_url: str) -> None:
    database = Database(database_url)
    with database.write() as session:
        session.execute(text("CREATE TABLE counter (n INTEGER)"))
    with database.read() as reader:
        before = reader.execute(text("SELECT count(*) FROM counter")).scalar_one()
        with database.write() as writer:
            writer.execute(text("INSERT INTO counter VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM counter")).scalar_one() == before == 0
    database.close()


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    database = Database("postgresql://someone:secret@127.0.0.1:9/none")
    with pytest.raises(OutsideError) as failure:
        database.migrate()
    assert "127.0.0.1:9" in str(failure.value)
    assert "secret" not in str(failure.value)


def test_other_databases_are_refused() -> None:
    with pytest.raises(InputError, match="mysql"):
        Database("mysql://localhost/x")
