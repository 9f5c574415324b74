"""What is watched, what fired and who answered"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "alarm_policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_alarm_policy_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_policy")),
    )
    op.create_index(op.f("ix_alarm_policy_model_id"), "alarm_policy", ["model_id"], unique=False)
    op.create_table(
        "watch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("starts_after", sa.BigInteger(), nullable=True),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_watch_model_id_model")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_watch_profile_id_profile")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch")),
        sa.UniqueConstraint("model_id", "kind", "basis", name=op.f("uq_watch_model_id")),
    )
    op.create_table(
        "watch_window",
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("counts_sha256", sa.String(length=64), nullable=False),
        sa.Column("log_e", sa.LargeBinary(), nullable=False),
        sa.Column("log_wealth", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["watch_id"], ["watch.id"], name=op.f("fk_watch_window_watch_id_watch")),
        sa.PrimaryKeyConstraint("watch_id", "window", name=op.f("pk_watch_window")),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("opened_window", sa.BigInteger(), nullable=False),
        sa.Column("evidence_sha256", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_alert_model_id_model")),
        sa.ForeignKeyConstraint(
            ["evidence_sha256"], ["evidence.sha256"], name=op.f("fk_alert_evidence_sha256_evidence")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(op.f("ix_alert_model_id"), "alert", ["model_id"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("watch_id", sa.Integer(), nullable=False),
        sa.Column("light", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("family", sa.String(length=20), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("monitor", sa.Text(), nullable=False),
        sa.Column("sign", sa.Integer(), nullable=False),
        sa.Column("shift", sa.Double(), nullable=False),
        sa.Column("opened_window", sa.BigInteger(), nullable=False),
        sa.Column("closed_window", sa.BigInteger(), nullable=True),
        sa.Column("log_wealth", sa.Double(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["watch_id"], ["watch.id"], name=op.f("fk_incident_watch_id_watch")),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_incident_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("watch_id", "light", "subject", "opened_window", name=op.f("uq_incident_watch_id")),
    )
    op.create_index(op.f("ix_incident_alert_id"), "incident", ["alert_id"], unique=False)
    op.create_index(op.f("ix_incident_watch_id"), "incident", ["watch_id"], unique=False)
    op.create_table(
        "alert_move",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("move", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ledger_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_move_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_move")),
    )
    op.create_index(op.f("ix_alert_move_alert_id"), "alert_move", ["alert_id"], unique=False)
    op.create_table(
        "sample",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("n_rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_sample_batch_id_batch")),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_sample")),
    )
    op.create_table(
        "window_series",
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Double(), nullable=False),
        sa.Column("total", sa.Double(), nullable=False),
        sa.Column("total_of_squares", sa.Double(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_window_series_profile_id_profile")),
        sa.PrimaryKeyConstraint("profile_id", "role", "name", "window", name=op.f("pk_window_series")),
    )
    op.add_column("batch", sa.Column("duplicate_times", sa.JSON(), nullable=True))
    op.add_column("profile", sa.Column("facts", sa.JSON(), nullable=True))
    refuse_changes("alert_move")


def refuse_changes(table: str) -> None:
    """Let a table only grow. On SQLite a REPLACE fires no DELETE trigger: it is met at its insert."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) "
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
    op.drop_column("profile", "facts")
    op.drop_column("batch", "duplicate_times")
    op.drop_table("window_series")
    op.drop_table("sample")
    op.drop_table("alert_move")
    op.drop_table("incident")
    op.drop_table("alert")
    op.drop_table("watch_window")
    op.drop_table("watch")
    op.drop_table("alarm_policy")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION alert_move_append_only()")
