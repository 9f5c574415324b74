"""Phases of control charts"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# Frozen here as it was when this migration was written: {table: whatever is unique in it}.
APPEND_ONLY = {"control_phase": ("id",), "control_phase_decision": ("id", "phase_id")}


def upgrade() -> None:
    op.create_table(
        "control_phase",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("segment", sa.String(length=500), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("phases", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_control_phase_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_phase")),
    )
    op.create_index("ix_control_phase_model_id_segment", "control_phase", ["model_id", "segment"], unique=False)
    op.create_table(
        "control_phase_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=200), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["phase_id"], ["control_phase.id"], name=op.f("fk_control_phase_decision_phase_id_control_phase")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control_phase_decision")),
        sa.UniqueConstraint("phase_id", name=op.f("uq_control_phase_decision_phase_id")),
    )
    for table, keys in APPEND_ONLY.items():
        refuse_changes(table, keys)


def refuse_changes(table: str, keys: tuple[str, ...]) -> None:
    """Let a table only grow. On SQLite a REPLACE fires no DELETE trigger: it is met at its insert."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        same = " OR ".join(f"{key} = NEW.{key}" for key in keys)
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )


def downgrade() -> None:
    op.drop_table("control_phase_decision")
    op.drop_index("ix_control_phase_model_id_segment", table_name="control_phase")
    op.drop_table("control_phase")
    if op.get_bind().dialect.name != "sqlite":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_append_only()")
