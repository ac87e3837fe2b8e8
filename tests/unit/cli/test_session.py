from pathlib import Path

from orchestrator.cli.session import sweep
from orchestrator.journal import Journal
from orchestrator.models import Ending
from orchestrator.storage import Storage
from tests.unit.nouns import target


async def test_only_pictures_of_targets_that_have_ended_are_swept_away(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    async with Journal(tmp_path / ".retake" / "journal.db") as journal:
        await sweep(storage, journal)
        for name in ("ended", "under-way"):
            await journal.add_target(target().model_copy(update={"id": name}), {})
            storage.put(name, b"picture")
        await journal.end_target(target().model_copy(update={"id": "ended"}), Ending.EXHAUSTED)
        await sweep(storage, journal)
    assert storage.pictured() == {"under-way"}
