"""The journal as it lies on disk, read without Retake's code and without touching it."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A target, and its attempts in order."""

    target: dict[str, Any]
    ending: str | None
    attempts: list[dict[str, Any]]

    @property
    def pictures(self) -> list[dict[str, Any]]:
        return [picture for attempt in self.attempts for picture in attempt["pictures"]]


def read(out: Path) -> list[Entry]:
    """What a process that starts now would find: no target at all, if there is no journal yet."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (out / ".retake").glob("journal.db*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder, "journal.db"))) as db:
            known = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            if not {"targets", "attempts"} <= known:
                return []
            return [
                Entry(json.loads(target), ending, _attempts(db, target_id))
                for target_id, target, ending in db.execute(
                    "SELECT id, target, ending FROM targets"
                )
            ]


def _attempts(db: sqlite3.Connection, target_id: str) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT attempt, verdict FROM attempts WHERE target_id = ? ORDER BY number", (target_id,)
    )
    return [json.loads(attempt) | {"verdict": verdict} for attempt, verdict in rows]
