import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from orchestrator.errors import JournalError
from orchestrator.journal import Journal
from orchestrator.journal.database import open_engine
from orchestrator.journal.schema import metadata
from orchestrator.journal.upgrade import REVISION
from orchestrator.models import Verdict
from tests.unit.journal.reading import attempts_of
from tests.unit.nouns import attempt, target

BEFORE_REVISIONS = """
CREATE TABLE targets (
    id VARCHAR NOT NULL, created_at DATETIME NOT NULL, target JSON NOT NULL, setup JSON NOT NULL,
    ending VARCHAR, ended_at DATETIME, PRIMARY KEY (id)
);
CREATE TABLE attempts (
    target_id VARCHAR NOT NULL, number INTEGER NOT NULL, prompt_id VARCHAR NOT NULL,
    begun_at DATETIME NOT NULL, attempt JSON NOT NULL, verdict VARCHAR, ended_at DATETIME,
    PRIMARY KEY (target_id, number), FOREIGN KEY(target_id) REFERENCES targets (id),
    UNIQUE (prompt_id)
);
"""
"""What Retake 0.1 made."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def execute(path: Path, *scripts: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for script in scripts:
            db.executescript(script)


def old_journal(path: Path) -> None:
    mine, begun = target().model_dump_json(), attempt(1, None).model_dump_json()
    moment = "2026-11-01 12:00:00.000000"
    execute(
        path,
        BEFORE_REVISIONS,
        f"INSERT INTO targets VALUES ('t', '{moment}', '{mine}', '{{}}', NULL, NULL);"
        f"INSERT INTO attempts VALUES ('t', 1, 'p1', '{moment}', '{begun}', NULL, NULL);",
    )


def journal_of(revision: str, path: Path) -> None:
    """With a target that is under way."""
    engine = open_engine(path)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "orchestrator.journal:migrations")
        command.upgrade(config, revision)
    engine.dispose()
    moment = "2026-11-01 12:00:00.000000"
    execute(
        path,
        "INSERT INTO targets (id, created_at, target, setup) "
        f"VALUES ('t', '{moment}', '{target().model_dump_json()}', '{{}}');",
    )


def overwrite(path: Path, position: int, data: bytes) -> None:
    path.touch()
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def differences(path: Path) -> list[object]:
    """Between the tables of a journal and what `schema` says of them."""
    engine = open_engine(path)
    with engine.begin() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    return list(found)


async def refusal(path: Path) -> str:
    with pytest.raises(JournalError) as refused:
        async with Journal(path):
            pass
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_a_new_journal_has_the_schema_s_tables(path: Path) -> None:
    async with Journal(path):
        pass
    assert differences(path) == []


async def test_a_journal_from_before_revisions_is_upgraded_and_goes_on(path: Path) -> None:
    old_journal(path)
    async with Journal(path) as journal:
        assert await journal.unfinished() == [(target(), {})]
        assert await journal.claim(target()) == [attempt(1, None)]
        await journal.end(target(), attempt(1, Verdict.BELOW_GATE, 20.5))
    assert differences(path) == []
    async with Journal(path) as journal:
        assert await attempts_of(journal, target()) == [attempt(1, Verdict.BELOW_GATE, 20.5)]


async def test_a_journal_that_knew_no_cancelling_goes_on(path: Path) -> None:
    await asyncio.to_thread(journal_of, "0002", path)
    async with Journal(path) as journal:
        [entry] = await journal.entries()
        assert (entry.target, entry.cancel_asked_at) == (target(), None)
        assert await journal.claim(target()) == []
    assert differences(path) == []


async def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    old_journal(path)
    execute(path, "CREATE INDEX ix_targets_owner ON targets (ending);")
    await refusal(path)
    execute(path, "DROP INDEX ix_targets_owner;")
    async with Journal(path) as journal:
        assert await attempts_of(journal, target()) == [attempt(1, None)]


async def test_a_newer_journal_is_left_alone(path: Path) -> None:
    async with Journal(path):
        pass
    execute(path, "UPDATE alembic_version SET version_num = '9999';")
    assert "newer Retake (revision 9999" in await refusal(path)


async def test_a_database_of_something_else(path: Path) -> None:
    execute(path, "CREATE TABLE stamps (country, price);")
    assert "not a Retake journal" in await refusal(path)


async def test_a_text_file(path: Path) -> None:
    overwrite(path, 0, b"no database, " * 100)
    assert "file is not a database; it is not a Retake journal" in await refusal(path)


async def test_a_damaged_journal(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.add_target(target(), {})
    overwrite(path, 4096, b"\xff" * 4096 * 5)
    assert "it is damaged: put a backup in its place" in await refusal(path)


async def test_what_a_newer_version_wrote_into_a_row(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.add_target(target(), {})
        execute(path, "UPDATE targets SET target = json_set(target, '$.mood', 'good')")
        with pytest.raises(JournalError, match=r"can't read.*written by another version"):
            await journal.unfinished()


def test_the_program_knows_its_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "orchestrator.journal:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


async def test_a_journal_that_is_up_to_date_opens_without_alembic(path: Path) -> None:
    async with Journal(path):
        pass
    code = (
        "import asyncio, pathlib, sys\n"
        "from orchestrator.journal import Journal\n"
        "async def main():\n"
        f"    async with Journal(pathlib.Path({str(path)!r})): pass\n"
        "asyncio.run(main())\n"
        "sys.exit('alembic' in sys.modules)"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=False)
    assert done.returncode == 0
