"""The journal's tables. Nouns are stored as JSON; what is queried has a column of its own.

A change here is a new revision in `migrations` as well.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Moments in UTC. SQLite forgets the time zone; here it is remembered."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=value.tzinfo or UTC)


metadata = MetaData()

owners = Table(  # processes that run targets; one that has died leaves its row
    "owners",
    metadata,
    Column("id", String, primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("host", String, nullable=False),
    Column("kernel", String, nullable=False),
    Column("started", String, nullable=False),
    Column("heartbeat", UtcDateTime, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("target", JSON, nullable=False),
    Column("setup", JSON, nullable=False),  # how to run it again: servers, scorer
    Column("ending", String),
    Column("ended_at", UtcDateTime),
    Column("owner", String, index=True),  # who runs it, or did when it died
    Column("cancel_asked_at", UtcDateTime),  # since when nobody wants it any more
)

attempts = Table(
    "attempts",
    metadata,
    Column("target_id", ForeignKey("targets.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("prompt_id", String, nullable=False, unique=True),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("attempt", JSON, nullable=False),
    Column("verdict", String),
    Column("ended_at", UtcDateTime),
)
