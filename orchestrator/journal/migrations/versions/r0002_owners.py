"""Who runs a target, so that two processes never run the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "owners",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("kernel", sa.String, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("targets", sa.Column("owner", sa.String))
    op.create_index("ix_targets_owner", "targets", ["owner"])
