"""The wish that a target be cancelled, by whoever runs it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("targets", sa.Column("cancel_asked_at", sa.DateTime(timezone=True)))
