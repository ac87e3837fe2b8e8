"""What a journal holds, for tests to compare."""

from orchestrator.journal import Journal
from orchestrator.models import Attempt, Target


async def attempts_of(journal: Journal, target: Target) -> list[Attempt]:
    """A target's attempts by number."""
    [entry] = await journal.entries(target.id)
    return list(entry.attempts)
