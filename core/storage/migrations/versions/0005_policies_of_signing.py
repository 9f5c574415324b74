"""Policies of signing, and what a move says besides its words"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Frozen here as it was when this migration was written: {table: whatever is unique in it}.
APPEND_ONLY = {"signing_policy": ("id", "proposal_id")}


def upgrade() -> None:
    # Not in batch mode: that would make the table anew without the triggers that let it only grow.
    op.add_column("proposal_move", sa.Column("details", sa.JSON(), nullable=True))
    op.create_table(
        "signing_policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("tier", sa.String(length=20), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_signing_policy_model_id_model")),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"], name=op.f("fk_signing_policy_proposal_id_proposal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_policy")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_signing_policy_proposal_id")),
    )
    op.create_index("ix_signing_policy_model_id_tier", "signing_policy", ["model_id", "tier"], unique=False)
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
    op.drop_index("ix_signing_policy_model_id_tier", table_name="signing_policy")
    op.drop_table("signing_policy")
    op.drop_column("proposal_move", "details")
    if op.get_bind().dialect.name != "sqlite":
        for table in APPEND_ONLY:
            op.execute(f"DROP FUNCTION {table}_append_only()")
