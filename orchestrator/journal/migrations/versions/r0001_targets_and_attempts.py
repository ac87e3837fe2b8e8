"""Targets and attempts. Journals of Retake 0.1 have these tables and no revision."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "targets",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.JSON, nullable=False),
        sa.Column("setup", sa.JSON, nullable=False),
        sa.Column("ending", sa.String),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "attempts",
        sa.Column("target_id", sa.String, sa.ForeignKey("targets.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("prompt_id", sa.String, nullable=False, unique=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt", sa.JSON, nullable=False),
        sa.Column("verdict", sa.String),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
