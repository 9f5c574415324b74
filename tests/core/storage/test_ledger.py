"""Tables that only grow: the database itself refuses every other change; and many who append at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.governance.evidence import Evidence
from core.governance.ledger import check_chain
from core.storage.charting import ControlPhaseDecisionRow, ControlPhaseRow
from core.storage.database import Database, alembic_config
from core.storage.ledger import append, entries, head, keep, n_entries, read_evidence
from core.storage.signing import DeploymentRow, ProposalMoveRow, ProposalRow, SigningPolicyRow
from core.storage.tables import Base, ModelRow
from tests.processes import at_once

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNIQUE = {
    "ledger": ["seq"],
    "evidence": ["sha256"],
    "proposal_move": ["id"],
    "deployment": ["id", "proposal_id"],
    "control_phase": ["id"],
    "control_phase_decision": ["id", "phase_id"],
    "signing_policy": ["id", "proposal_id"],
}
TABLES = sorted(UNIQUE)
N_PROCESSES, N_EACH = 8, 8


@pytest.fixture(params=["as first migrated", "after migrations down and up"])
def database(request: pytest.FixtureRequest, database_url: str) -> Iterator[Database]:
    """A database with two rows in each table that only grows."""
    database = Database(database_url)
    database.migrate()
    if request.param == "after migrations down and up":
        for revision in ("0001", "base"):
            with database.writer.begin() as connection:
                command.downgrade(alembic_config(connection), revision)
            database.migrate()
    for name in ("a", "b"):
        add_rows(database, name)
    yield database
    database.close()


def add_rows(database: Database, name: str) -> None:
    with database.write() as session:
        model = ModelRow(name=name, created_at=NOW, created_by="ada")
        session.add(model)
        session.flush()
        evidence = Evidence.freeze({"model": name}, [], now=NOW)
        keep(session, evidence)
        common = {"reason": "why", "arguments": {}, "evidence_sha256": evidence.sha256, "created_at": NOW}
        proposal = ProposalRow(model_id=model.id, kind="promote", state="open", requester="ada", **common)
        session.add(proposal)
        session.flush()
        receipt = append(session, at=NOW, actor="ada", action="proposal.open", objects={"evidence": evidence.sha256})
        move = {"move": "open", "state": "open", "actor": "ada", "text": "why", "evidence_sha256": evidence.sha256}
        session.add(ProposalMoveRow(proposal_id=proposal.id, at=NOW, ledger_seq=receipt.seq, **move))
        session.add(DeploymentRow(model_id=model.id, version="v1", at=NOW, proposal_id=proposal.id))
        policy = {"model_id": model.id, "tier": "high", "rules": {}, "proposal_id": proposal.id}
        session.add(SigningPolicyRow(at=NOW, ledger_seq=receipt.seq, **policy))
        phase = ControlPhaseRow(
            model_id=model.id,
            version="",
            segment="",
            step="propose",
            phases={},
            reason="why",
            created_at=NOW,
            created_by="ada",
            ledger_seq=receipt.seq,
        )
        session.add(phase)
        session.flush()
        decision = {"step": "adopt", "reason": "why", "decided_at": NOW, "decided_by": "ines"}
        session.add(ControlPhaseDecisionRow(phase_id=phase.id, ledger_seq=receipt.seq, **decision))


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        return {
            table: sorted(tuple(row) for row in session.execute(text(f"SELECT * FROM {table}"))) for table in TABLES
        }


def attacks(database: Database, table: str) -> Iterator[str]:
    """Statements of SQL that would change or remove a row."""
    columns = [column.name for column in Base.metadata.tables[table].columns]
    listed = ", ".join(columns)
    key = columns[0]
    yield f"DELETE FROM {table}"
    yield f"DELETE FROM {table} WHERE {key} = (SELECT max({key}) FROM {table})"
    for column in columns:
        yield f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} ORDER BY {key} LIMIT 1)"
    if not database.is_sqlite:
        yield f"TRUNCATE {table}"
        yield f"TRUNCATE {table} CASCADE"
        yield "TRUNCATE model CASCADE" if table != "ledger" else "TRUNCATE model, ledger CASCADE"
        upsert = f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {table} WHERE true"
        yield f"{upsert} ON CONFLICT ({key}) DO UPDATE SET {columns[1]} = excluded.{columns[1]}"
        return
    yield f"UPDATE OR REPLACE {table} SET {key} = (SELECT max({key}) FROM {table})"
    yield f"REPLACE INTO {table} ({listed}) SELECT {listed} FROM {table}"
    fresh = {"seq": "999", "sha256": "'new'", "id": "999"}
    for unique in UNIQUE[table]:  # one key is an old row's, all others are new
        values = ", ".join(name if name == unique else fresh.get(name, name) for name in columns)
        yield f"INSERT OR REPLACE INTO {table} ({listed}) SELECT {values} FROM {table} LIMIT 1"
    values = ", ".join(fresh.get(name, name) for name in columns)
    yield f"INSERT OR REPLACE INTO {table} ({listed}, rowid) SELECT {values}, 1 FROM {table} LIMIT 1"


@pytest.mark.parametrize("table", TABLES)
def test_the_database_refuses_to_change_remove_or_replace_a_row(database: Database, table: str) -> None:
    before = contents(database)
    assert len(before[table]) == 2
    refused = 0
    for attack in attacks(database, table):
        with pytest.raises(DBAPIError) as failure, database.writer.begin() as connection:
            connection.execute(text(attack))
        why = str(failure.value.orig)  # a table may lack rowid, and be held by a foreign key
        assert "append-only" in why or "rowid" in attack or "TRUNCATE" in attack, f"{attack}: {why}"
        assert contents(database) == before, attack
        refused += 1
    assert refused > 5


def test_new_rows_are_still_welcome(database: Database) -> None:
    add_rows(database, "c")
    found = contents(database)
    assert {len(rows) for rows in found.values()} == {3}
    with database.read() as session:
        assert check_chain(entries(session)).is_intact


def test_entries_are_read_by_place_and_counted(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.read() as session:
        assert (head(session), entries(session), n_entries(session)) == (None, [], 0)
    with database.write() as session:
        receipts = [
            append(session, at=NOW + timedelta(hours=i), actor="zoë", action="x", objects={"n": i, "é": 0.1})
            for i in range(5)
        ]
    with database.read() as session:
        assert head(session) == receipts[-1]
        assert n_entries(session) == 5
        assert [entry.seq for entry in entries(session, after=1, before=5)] == [2, 3, 4]
        assert [entry.seq for entry in entries(session, newest=2)] == [4, 5]
        assert [entry.seq for entry in entries(session, before=4, newest=2)] == [2, 3]
        assert check_chain(entries(session), receipts=receipts).is_intact
    database.close()


def test_evidence_kept_twice_is_one_and_what_is_missing_is_said(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    frozen = Evidence.freeze({"auc": 0.7}, [], now=NOW)
    for _ in range(2):
        with database.write() as session:
            keep(session, frozen)
    with database.read() as session:
        assert read_evidence(session, frozen.sha256) == frozen
        with pytest.raises(ValueError, match="Evidence ffff is missing"):
            read_evidence(session, "ffff")
    database.close()


def _append(url: str, name: str) -> None:
    database = Database(url)
    for number in range(N_EACH):
        with database.write(name) as session:  # each its own lock, as decisions on several models have
            append(session, at=NOW, actor=name, action="test", objects={"n": number})
    database.close()


def test_eight_processes_that_append_at_once_keep_the_chain_and_lose_nothing(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    arguments = [(database_url, f"writer {i}") for i in range(N_PROCESSES)]
    assert at_once(_append, arguments) == [0] * N_PROCESSES
    with database.read() as session:
        found = entries(session)
    assert check_chain(found).is_intact
    assert len(found) == N_PROCESSES * N_EACH
    assert set(Counter(entry.actor for entry in found).values()) == {N_EACH}
    for writer in {entry.actor for entry in found}:
        assert [entry.objects["n"] for entry in found if entry.actor == writer] == list(range(N_EACH))
    database.close()
