"""The routes that carry images: `/view` and `/upload/image`."""

import asyncio
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

from aiohttp import web
from PIL import Image

from orchestrator.sandbox.files import Folders, annotated
from orchestrator.sandbox.log import Observer

_KINDS: Final = ("input", "output", "temp")


class StoredFile(web.FileResponse):
    """A file that is sent as it is."""

    def __init__(self, path: Path, headers: Mapping[str, str]) -> None:
        super().__init__(path, headers=headers)
        self.path = path


class ImageRoutes:
    def __init__(self, folders: Folders, observer: Observer) -> None:
        self._folders = folders
        self._observer = observer

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/view", self._view), web.post("/upload/image", self._upload)]

    async def _view(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if "filename" not in query:
            return web.Response(status=404)
        name, kind = annotated(query["filename"])
        kind = kind or query.get("type", "output")
        if not name or name.startswith("/") or ".." in name or kind not in _KINDS:
            return web.Response(status=400)
        subfolder = query.get("subfolder", "")
        path = self._folders.inside(kind, subfolder, Path(name).name)
        if path is None:
            return web.Response(status=403)
        if not path.is_file():
            return web.Response(status=404)
        self._observer.note("served", filename=path.name, subfolder=subfolder, type=kind)
        headers = {"Content-Disposition": f'filename="{path.name}"'}
        if "preview" not in query:
            return StoredFile(path, headers)
        format, quality = _preview_format(query["preview"])
        body = await asyncio.to_thread(_reencoded, path, format, quality)
        return web.Response(body=body, content_type=f"image/{format}", headers=headers)

    async def _upload(self, request: web.Request) -> web.Response:
        post = await request.post()
        image, kind = post.get("image"), str(post.get("type", "input"))
        if not isinstance(image, web.FileField) or not image.filename or kind not in _KINDS:
            return web.Response(status=400)
        subfolder = str(post.get("subfolder", ""))
        path = self._folders.inside(kind, subfolder, image.filename)
        if path is None:
            return web.Response(status=400)
        data = image.file.read()
        if post.get("overwrite") not in ("true", "1"):
            path = _free_name(path, data)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._observer.note("uploaded", filename=path.name, subfolder=subfolder, type=kind)
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": kind})


def _free_name(path: Path, data: bytes) -> Path:
    """The path, or `name (1).png` and so on where another file has the name already."""
    candidate, count = path, 1
    while candidate.exists() and candidate.read_bytes() != data:
        candidate = path.with_stem(f"{path.stem} ({count})")
        count += 1
    return candidate


def _preview_format(wanted: str) -> tuple[str, int]:
    """Read `webp;90`."""
    format, *_, quality = [*wanted.split(";"), ""][:2]
    return (format if format in ("webp", "jpeg") else "webp"), (
        int(quality) if quality.isdigit() else 90
    )


def _reencoded(path: Path, format: str, quality: int) -> bytes:
    buffer = BytesIO()
    with Image.open(path) as image:
        picture = image.convert("RGB") if format == "jpeg" else image
        picture.save(buffer, format, quality=quality)
    return buffer.getvalue()
