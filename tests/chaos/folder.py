"""What must hold of Retake's folder whenever no process writes to it, also right after a kill."""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.journal import Entry

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def whole(out: Path, entries: list[Entry]) -> Iterator[str]:
    """Complaints: whatever lies there under its final name is whole, and what the journal names
    lies there."""
    for path in out.glob("*.png"):
        if chunks(path.read_bytes()) is None:
            yield f"{path.name} is damaged"
    for path in out.glob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            yield f"{path.name} is damaged"
    stored = {path.name: path for path in (out / ".retake/pictures").glob("*/*")}
    for name, path in stored.items():
        if not name.startswith(".") and hashlib.sha256(path.read_bytes()).hexdigest() != name:
            yield f"stored picture {name} is damaged"
    for entry in entries:
        for picture in entry.pictures:
            if picture["file"] and not (out / picture["file"]).exists():
                yield f"{picture['file']} is in the journal and not on disk"
        for attempt in entry.attempts:
            missing = {picture["sha256"] for picture in attempt["pictures"]} - stored.keys()
            if entry.ending is None and attempt["verdict"] is None and missing:
                yield f"attempt {attempt['number']}: pictures not on disk: {missing}"


def chunks(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """A PNG's chunks from first to last, each with its name and all its bytes; None if damaged."""
    if not data.startswith(_SIGNATURE):
        return None
    found, at = [], len(_SIGNATURE)
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        chunk = data[at : at + length + 12]
        if len(chunk) != length + 12 or chunk[-4:] != struct.pack(">I", zlib.crc32(chunk[4:-4])):
            return None
        found.append((name, chunk))
        at += len(chunk)
    return found if found and found[-1][0] == b"IEND" else None


def as_it_came(data: bytes) -> bytes:
    """A published PNG's bytes without the chunk that Retake has added."""
    kept = [c for name, c in chunks(data) or [] if not (name == b"tEXt" and c[8:15] == b"retake\0")]
    return _SIGNATURE + b"".join(kept)


def text(data: bytes, key: str) -> str:
    """A PNG's text chunk. Raises KeyError."""
    texts = dict(c[8:-4].split(b"\0", 1) for name, c in chunks(data) or [] if name == b"tEXt")
    return texts[key.encode()].decode("latin-1")
