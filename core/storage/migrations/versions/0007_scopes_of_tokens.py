"""What a token is for"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("access_token", sa.Column("scopes", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM access_token WHERE scopes IS NOT NULL")  # without its scopes it would be for everything
    op.drop_column("access_token", "scopes")
