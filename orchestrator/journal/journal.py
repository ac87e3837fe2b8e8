"""The journal: write-ahead records of targets and attempts, and the questions asked of them.

One writer thread, so that writes keep their order and the event loop never waits for a disk.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, create_engine, event, select, update
from sqlalchemy.exc import DatabaseError

from orchestrator.errors import JournalError
from orchestrator.journal.schema import attempts, metadata, targets
from orchestrator.models import Attempt, Ending, Target

T = TypeVar("T")


class Journal:
    """An SQLite file. Every method returns when its write is on disk; raises JournalError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _set_pragmas)

    async def __aenter__(self) -> Self:
        await self._do(metadata.create_all)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._thread.shutdown()
        self._engine.dispose()

    async def add_target(self, target: Target, setup: Mapping[str, Any]) -> None:
        """Record a target, and how to run it again, before anything is done for it."""
        row = {
            "id": target.id,
            "created_at": datetime.now(UTC),
            "target": target.model_dump(mode="json"),
            "setup": dict(setup),
        }
        await self._do(lambda db: db.execute(targets.insert().values(row)))

    async def begin(self, target: Target, attempt: Attempt) -> None:
        """Record an attempt and its prompt id, before it is submitted."""
        row = {
            "target_id": target.id,
            "number": attempt.number,
            "prompt_id": attempt.prompt_id,
            "begun_at": datetime.now(UTC),
            "attempt": attempt.model_dump(mode="json"),
        }
        await self._do(lambda db: db.execute(attempts.insert().values(row)))

    async def end(self, target: Target, attempt: Attempt) -> None:
        """Record an attempt's verdict with all that led to it."""
        row = {
            "attempt": attempt.model_dump(mode="json"),
            "verdict": attempt.verdict,
            "ended_at": datetime.now(UTC),
        }
        here = (attempts.c.target_id == target.id) & (attempts.c.number == attempt.number)
        await self._do(lambda db: db.execute(update(attempts).where(here).values(row)))

    async def end_target(self, target: Target, ending: Ending) -> None:
        row = {"ending": ending, "ended_at": datetime.now(UTC)}
        here = targets.c.id == target.id
        await self._do(lambda db: db.execute(update(targets).where(here).values(row)))

    async def unfinished(self) -> list[tuple[Target, dict[str, Any]]]:
        """Targets without an ending, oldest first, each with its setup."""
        query = (
            select(targets.c.target, targets.c.setup)
            .where(targets.c.ending.is_(None))
            .order_by(targets.c.created_at)
        )
        rows = await self._do(lambda db: db.execute(query).all())
        return [(Target.model_validate(target), setup) for target, setup in rows]

    async def attempts(self, target: Target) -> list[Attempt]:
        """A target's attempts by number; one without a verdict was under way."""
        query = (
            select(attempts.c.attempt)
            .where(attempts.c.target_id == target.id)
            .order_by(attempts.c.number)
        )
        rows = await self._do(lambda db: db.execute(query).all())
        return [Attempt.model_validate(attempt) for (attempt,) in rows]

    async def _do(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        try:
            writing = asyncio.wrap_future(self._thread.submit(transaction))
            return await asyncio.shield(writing)
        except DatabaseError as error:
            raise JournalError(
                f"journal {self._path}: {error.orig}; is it a Retake journal, on a healthy disk?"
            ) from error


def _set_pragmas(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
