"""The journal: write-ahead records of targets and attempts, and the questions asked of them.

Reads go the way of the writes, through one thread: each sees what was written before it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DatabaseError

from orchestrator.errors import JournalError
from orchestrator.journal.database import explain, open_engine
from orchestrator.journal.schema import attempts, metadata, targets
from orchestrator.journal.writer import Writer
from orchestrator.models import Attempt, Ending, Target

T = TypeVar("T")


class Journal:
    """An SQLite file. Every method returns when its write is on disk; raises JournalError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = open_engine(path)

    async def __aenter__(self) -> Self:
        self._writer = Writer(self._engine)
        try:
            await self._do(metadata.create_all)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._close()

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
        try:
            return await self._writer.do(work)
        except DatabaseError as error:
            raise JournalError(explain(self._path, error)) from error

    def _close(self) -> None:
        self._writer.close()
        self._engine.dispose()
