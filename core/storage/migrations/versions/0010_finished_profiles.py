"""When a profile had first been counted wholly"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("profile", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE profile SET finished_at = created_at")  # by the rule of then, each counted when its batches were


def downgrade() -> None:
    op.drop_column("profile", "finished_at")
