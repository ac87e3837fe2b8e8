"""What is SQLite's alone: how a journal's file is opened, and what its errors mean to people.

Queries are elsewhere, in SQLAlchemy Core, and know no dialect.
"""

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

_PRAGMAS = ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

_REMEDIES = {
    "SQLITE_NOTADB": "it is not a Retake journal: move it away, or choose another folder",
    "SQLITE_CORRUPT": "it is damaged: put a backup in its place, or save what can be read with "
    "`sqlite3 FILE .recover`",
    "SQLITE_FULL": "make room on the disk",
    "SQLITE_IOERR": "is its disk full, or failing?",
    "SQLITE_CANTOPEN": "the folder must exist and be writable",
    "SQLITE_READONLY": "the file and its folder must be writable",
    "SQLITE_BUSY": "another process holds it: see what it is doing",
}


def open_engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def explain(path: Path, error: DatabaseError) -> str:
    """One line for people: what is wrong with which file, and what to do."""
    name = getattr(error.orig, "sqlite_errorname", "")
    remedy = next((r for known, r in _REMEDIES.items() if name.startswith(known)), None)
    line = f"journal {path}: {error.orig}"
    return f"{line}; {remedy}" if remedy else line


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin transactions late and never as we want them: `_begin` does it.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # The lock is taken at once: a transaction that reads first can't be refused its write later.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
