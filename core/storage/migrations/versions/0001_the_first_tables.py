"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("name", name=op.f("uq_model_name")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("evaluated_version", sa.String(length=200), nullable=True),
        sa.Column("schema_digest", sa.String(length=64), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("records_sha256", sa.String(length=64), nullable=False),
        sa.Column("rejects_sha256", sa.String(length=64), nullable=True),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("n_rejected", sa.BigInteger(), nullable=False),
        sa.Column("n_duplicates", sa.BigInteger(), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retracted_by", sa.String(length=200), nullable=True),
        sa.Column("retracted_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_batch_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_model_id_role", "batch", ["model_id", "role"], unique=False)
    op.create_index(op.f("ix_batch_records_sha256"), "batch", ["records_sha256"], unique=False)
    op.create_index(op.f("ix_batch_source_sha256"), "batch", ["source_sha256"], unique=False)
    op.create_table(
        "label_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("labels_sha256", sa.String(length=64), nullable=False),
        sa.Column("rejects_sha256", sa.String(length=64), nullable=True),
        sa.Column("n_rows", sa.BigInteger(), nullable=False),
        sa.Column("n_rejected", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_label_batch_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_label_batch")),
    )
    op.create_index(op.f("ix_label_batch_labels_sha256"), "label_batch", ["labels_sha256"], unique=False)
    op.create_index(op.f("ix_label_batch_model_id"), "label_batch", ["model_id"], unique=False)
    op.create_table(
        "model_schema",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_schema_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_schema")),
    )
    op.create_index(op.f("ix_model_schema_model_id"), "model_schema", ["model_id"], unique=False)
    op.create_table(
        "profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_profile_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile")),
        sa.UniqueConstraint("model_id", "basis", name=op.f("uq_profile_model_id")),
    )
    op.create_table(
        "version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_version_model_id_model")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version")),
        sa.UniqueConstraint("model_id", "name", name=op.f("uq_version_model_id")),
    )
    op.create_table(
        "count_table",
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("segment", sa.String(length=500), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_count_table_batch_id_batch")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_count_table_profile_id_profile")),
        sa.PrimaryKeyConstraint(
            "profile_id", "batch_id", "segment", "window", "version", "name", name=op.f("pk_count_table")
        ),
    )
    op.create_table(
        "label_link",
        sa.Column("label_batch_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_label_link_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["label_batch_id"], ["label_batch.id"], name=op.f("fk_label_link_label_batch_id_label_batch")
        ),
        sa.PrimaryKeyConstraint("label_batch_id", "batch_id", name=op.f("pk_label_link")),
    )
    op.create_table(
        "profiled_batch",
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("label_mark", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_profiled_batch_batch_id_batch")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_profiled_batch_profile_id_profile")),
        sa.PrimaryKeyConstraint("profile_id", "batch_id", name=op.f("pk_profiled_batch")),
    )
    op.create_table(
        "sum_table",
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("segment", sa.String(length=500), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_sum_table_batch_id_batch")),
        sa.ForeignKeyConstraint(["profile_id"], ["profile.id"], name=op.f("fk_sum_table_profile_id_profile")),
        sa.PrimaryKeyConstraint(
            "profile_id", "batch_id", "segment", "window", "version", "name", name=op.f("pk_sum_table")
        ),
    )


def downgrade() -> None:
    op.drop_table("sum_table")
    op.drop_table("profiled_batch")
    op.drop_table("label_link")
    op.drop_table("count_table")
    op.drop_table("version")
    op.drop_table("profile")
    op.drop_index(op.f("ix_model_schema_model_id"), table_name="model_schema")
    op.drop_table("model_schema")
    op.drop_index(op.f("ix_label_batch_model_id"), table_name="label_batch")
    op.drop_index(op.f("ix_label_batch_labels_sha256"), table_name="label_batch")
    op.drop_table("label_batch")
    op.drop_index(op.f("ix_batch_source_sha256"), table_name="batch")
    op.drop_index(op.f("ix_batch_records_sha256"), table_name="batch")
    op.drop_index("ix_batch_model_id_role", table_name="batch")
    op.drop_table("batch")
    op.drop_table("model")
