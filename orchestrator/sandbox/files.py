"""Where the sandbox keeps files: its input, output and temp folders, as ComfyUI names them.

Nothing that a client says leads outside of these three folders.
"""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IMAGES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
_ANNOTATION: Final = re.compile(r"^(.*?) ?\[(input|output|temp)\]$")


@dataclass(frozen=True)
class Folders:
    """`input`, `output` and `temp` under one root; `output` may lie elsewhere."""

    root: Path
    output: Path

    def __post_init__(self) -> None:
        for kind in ("input", "output", "temp"):
            self.of(kind).mkdir(parents=True, exist_ok=True)

    def of(self, kind: str) -> Path:
        """The folder of a `type`. Raises KeyError for any other than the three."""
        return {"input": self.root / "input", "output": self.output, "temp": self.root / "temp"}[
            kind
        ]

    def uploads(self) -> list[str]:
        """Names of the images that `LoadImage` offers."""
        return sorted(
            path.name
            for path in self.of("input").iterdir()
            if path.suffix.lower() in _IMAGES and path.is_file()
        )

    def uploaded(self, name: str) -> Path | None:
        """The file that a `LoadImage` input means (`a.png`, `sub/a.png`, `a.png [output]`)."""
        name, kind = annotated(name)
        path = self.inside(kind or "input", "", name)
        return path if path and path.is_file() else None

    def inside(self, kind: str, subfolder: str, name: str) -> Path | None:
        """The path, or None where it would lie outside of its folder."""
        folder = self.of(kind).resolve()
        path = Path(os.path.normpath(folder / subfolder / name))
        return path if path.is_relative_to(folder) and path != folder else None

    def save(
        self, files: Sequence[bytes], prefix: str, kind: str, *, width: int, height: int
    ) -> list[dict[str, str]]:
        """Write files as `prefix_00001_.png` and on, and name them as `executed` does.

        Raises ValueError when the prefix leads outside of the folder.
        """
        prefix = _filled(prefix, width, height)
        where = self.inside(kind, "", prefix)
        if where is None:
            raise ValueError("Saving image outside the output folder is not allowed.")
        where.parent.mkdir(parents=True, exist_ok=True)
        subfolder = "" if where.parent == self.of(kind).resolve() else os.path.dirname(prefix)
        counter = 1 + max(_counters(where), default=0)
        saved = []
        for batch, data in enumerate(files):
            stem = where.name.replace("%batch_num%", str(batch))
            path = where.with_name(f"{stem}_{counter + batch:05}_.png")
            path.write_bytes(data)
            saved.append({"filename": path.name, "subfolder": subfolder, "type": kind})
        return saved


def annotated(name: str) -> tuple[str, str | None]:
    """Split `a.png [output]` into the name and the folder it says."""
    match = _ANNOTATION.match(name)
    return (match[1], match[2]) if match else (name, None)


def _counters(where: Path) -> list[int]:
    """Numbers already taken after the prefix."""
    numbered = re.compile(re.escape(where.name) + r"_(\d+)_?")
    matches = (numbered.match(entry.name) for entry in os.scandir(where.parent))
    return [int(match[1]) for match in matches if match]


def _filled(prefix: str, width: int, height: int) -> str:
    """Put in `%width%`, `%height%`, `%year%` and so on."""
    if "%" not in prefix:
        return prefix
    prefix = prefix.replace("%width%", str(width)).replace("%height%", str(height))
    now = time.localtime()
    for word, code in zip(
        ("year", "month", "day", "hour", "minute", "second"),
        ("%Y", "%m", "%d", "%H", "%M", "%S"),
        strict=True,
    ):
        prefix = prefix.replace(f"%{word}%", time.strftime(code, now))
    return prefix
