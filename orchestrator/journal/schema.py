"""The journal's tables. Nouns are stored as JSON; what is queried has a column of its own."""

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
)

metadata = MetaData()

targets = Table(
    "targets",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("target", JSON, nullable=False),
    Column("setup", JSON, nullable=False),  # how to run it again: servers, scorer
    Column("ending", String),
    Column("ended_at", DateTime(timezone=True)),
)

attempts = Table(
    "attempts",
    metadata,
    Column("target_id", ForeignKey("targets.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("prompt_id", String, nullable=False, unique=True),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("attempt", JSON, nullable=False),
    Column("verdict", String),
    Column("ended_at", DateTime(timezone=True)),
)
