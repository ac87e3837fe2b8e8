import json

import httpx
import pytest

from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.errors import (
    ServerError,
)
from orchestrator.models import ImageRef
from tests.unit.comfy.scripted import OTHER, OURS, OUTPUT, REF, ScriptedServer


class TestCancel:
    async def test_pending(self, server: ScriptedServer) -> None:
        async with server.client() as client, server.generating(client) as task:
            server.running, server.pending = [OTHER], [OURS]
            await client.cancel(OURS)
            assert (await task).ending is End.INTERRUPTED
        assert not server.called("POST /interrupt")

    async def test_running(self, server: ScriptedServer) -> None:
        server.running = [OURS]
        async with server.client() as client:
            await client.cancel(OURS)
        (interrupt,) = server.called("POST /interrupt")
        assert json.loads(interrupt.content) == {"prompt_id": OURS}

    async def test_ended(self, server: ScriptedServer) -> None:
        server.running = [OTHER]
        server.finish(OURS, {"9": OUTPUT})
        async with server.client() as client:
            await client.cancel(OURS)
        assert not server.called("POST /interrupt")


class TestFetch:
    async def test_by_reference(self, server: ScriptedServer) -> None:
        ref = ImageRef(node="9", filename="a b.png", subfolder="s", type="temp")
        async with server.client() as client:
            assert await client.fetch(OutputImage(ref)) == b"\x89PNG picture"
        (view,) = server.called("GET /view")
        assert dict(view.url.params) == {"filename": "a b.png", "subfolder": "s", "type": "temp"}

    async def test_a_picture_that_is_gone(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = iter([httpx.Response(404)])
        async with server.client() as client:
            with pytest.raises(ServerError, match=r"no longer has the picture 'a_00001_\.png'"):
                await client.fetch(OutputImage(REF))

    async def test_a_picture_that_is_too_big(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = iter([httpx.Response(200, content=b"x" * 1001)])
        async with server.client(max_bytes=1000) as client:
            with pytest.raises(ServerError, match="more than 1,000 bytes"):
                await client.fetch(OutputImage(REF))

    async def test_a_busy_server_is_asked_again(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = iter([httpx.Response(503), httpx.ReadTimeout("slow")])
        async with server.client() as client:
            assert await client.fetch(OutputImage(REF)) == b"\x89PNG picture"


class TestUpload:
    async def test_the_name_is_made_of_the_content(self, server: ScriptedServer) -> None:
        async with server.client() as client:
            assert await client.upload("/home/me/Photo.PNG", b"data") == "stored.png"
            await client.upload("other.png", b"data")
        first, second = server.called("POST /upload/image")
        name = b'filename="3a6eb0790f39ac87c94f3856b2dd2c5d.png"'
        assert name in first.content
        assert name in second.content
        assert b"Photo" not in first.content

    async def test_a_subfolder_is_part_of_the_name(self, server: ScriptedServer) -> None:
        stored = {"name": "stored.png", "subfolder": "in", "type": "input"}
        server.answers["POST /upload/image"] = iter([httpx.Response(200, json=stored)])
        async with server.client() as client:
            assert await client.upload("a.png", b"data") == "in/stored.png"

    async def test_refused(self, server: ScriptedServer) -> None:
        server.answers["POST /upload/image"] = iter([httpx.Response(413)])
        async with server.client() as client:
            with pytest.raises(ServerError, match="/upload/image with HTTP 413"):
                await client.upload("a.png", b"data")
