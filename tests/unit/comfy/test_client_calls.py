import asyncio
import json
from collections.abc import AsyncIterator
from itertools import repeat

import httpx
import pytest

from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.errors import ServerError, ServerUnreachable
from orchestrator.models import ImageRef
from tests.unit.comfy.scripted import GRAPH, OTHER, OURS, OUTPUT, PNG, REF, ScriptedServer


class TestCancel:
    async def test_pending(self, server: ScriptedServer) -> None:
        async with server.client() as client, server.generating(client) as task:
            server.running, server.pending = [OTHER], [OURS]
            assert await client.cancel(OURS)
            assert (await task).ending is End.INTERRUPTED
        assert not server.called("POST /interrupt")

    async def test_running(self, server: ScriptedServer) -> None:
        server.running = [OURS]
        async with server.client() as client:
            assert await client.cancel(OURS)
        (interrupt,) = server.called("POST /interrupt")
        assert json.loads(interrupt.content) == {"prompt_id": OURS}
        assert not server.running

    async def test_started_between_the_deletion_and_the_look(self, server: ScriptedServer) -> None:
        queue = {"queue_running": [[0, OURS, {}]], "queue_pending": []}
        server.answers["GET /queue"] = iter([httpx.Response(200, json=queue)])
        server.running = [OURS]
        async with server.client() as client:
            assert await client.cancel(OURS)
        assert len(server.called("GET /queue")) >= 2

    async def test_before_it_was_sent(self, server: ScriptedServer) -> None:
        timeouts = Timeouts(apart=0.0, reconnect=(0.02,))
        async with server.client(timeouts=timeouts) as client:
            server.sockets[0].frames.put_nowait(ConnectionError("gone"))
            await server.until(lambda: server.sockets[0].closed)
            task = asyncio.create_task(client.generate(GRAPH, OURS))
            assert await client.cancel(OURS)
            assert (await task).ending is End.INTERRUPTED
        assert not server.called("POST /prompt")

    async def test_ended(self, server: ScriptedServer) -> None:
        server.running = [OTHER]
        server.finish(OURS, {"9": OUTPUT})
        async with server.client() as client:
            assert await client.cancel(OURS)
        assert not server.called("POST /interrupt")

    async def test_one_that_does_not_stop_in_time(self, server: ScriptedServer) -> None:
        server.running = [OURS]
        server.answers["POST /interrupt"] = repeat(httpx.Response(200))
        async with server.client(timeouts=Timeouts(apart=0.001, cancel=0.01)) as client:
            assert not await client.cancel(OURS)

    async def test_a_server_that_does_not_answer(self, server: ScriptedServer) -> None:
        async with server.client(timeouts=Timeouts(apart=0.001, cancel=0.01)) as client:
            server.answers["POST /queue"] = repeat(httpx.ReadTimeout("slow"))
            assert not await client.cancel(OURS)

    async def test_a_post_that_was_not_answered_may_still_come(
        self, server: ScriptedServer
    ) -> None:
        server.answers["POST /prompt"] = iter([httpx.ReadTimeout("slow")])
        timeouts = Timeouts(apart=0.001, poll=0.001, cancel=0.02)
        async with server.client(timeouts=timeouts) as client:
            async with server.generating(client):
                pass
            assert not await client.cancel(OURS)
            cancelling = asyncio.create_task(client.cancel(OURS))
            looks = len(server.called("GET /queue"))
            await server.until(lambda: len(server.called("GET /queue")) > looks)
            server.pending = [OURS]
            assert await cancelling
        assert not server.pending


class TestLacks:
    async def test_is_told_from_what_was_learnt(self, server: ScriptedServer) -> None:
        both = {"KSampler": {"input": {}}, "SaveImage": {"input": {}}}
        server.answers["GET /object_info"] = (
            httpx.Response(200, json=told) for told in ({"KSampler": {}}, both)
        )
        async with server.client() as client:
            assert client.lacks(GRAPH) == ""  # as far as is known
            await client.learn()
            lack = "SaveImage #9: 'SaveImage' is not installed on http://comfy.test:8188"
            assert client.lacks(GRAPH).startswith(lack)
            await client.learn()
            assert client.lacks(GRAPH) == ""
        assert len(server.called("GET /object_info")) == 2

    @pytest.mark.parametrize("answer", [httpx.Response(403), httpx.Response(200, text="[]")])
    async def test_a_server_that_does_not_tell(
        self, server: ScriptedServer, answer: httpx.Response
    ) -> None:
        server.answers["GET /object_info"] = iter([answer])
        async with server.client() as client:
            await client.learn()
            assert client.lacks(GRAPH) == ""

    async def test_a_server_that_cannot_be_asked(self, server: ScriptedServer) -> None:
        server.answers["GET /object_info"] = repeat(httpx.ConnectError("refused"))
        async with server.client() as client:
            with pytest.raises(ServerUnreachable):
                await client.learn()


async def test_free(server: ScriptedServer) -> None:
    server.answers["POST /free"] = iter([httpx.Response(200), httpx.Response(500)])
    async with server.client() as client:
        await client.free()
        with pytest.raises(ServerError):
            await client.free()
    body = {"unload_models": True, "free_memory": True}
    assert json.loads(server.called("POST /free")[0].content) == body


async def test_the_backlog_is_what_others_have_queued(server: ScriptedServer) -> None:
    server.running, server.pending = [OTHER], ["another"]
    async with server.client() as client, server.generating(client):
        looks = len(server.called("GET /queue"))
        await server.until(lambda: len(server.called("GET /queue")) > looks + 1)
        assert client.backlog == 2


class TestFetch:
    async def test_by_reference(self, server: ScriptedServer) -> None:
        ref = ImageRef(node="9", filename="a b.png", subfolder="s", type="temp")
        async with server.client() as client:
            assert await client.fetch(OutputImage(ref)) == PNG
        (view,) = server.called("GET /view")
        assert dict(view.url.params) == {"filename": "a b.png", "subfolder": "s", "type": "temp"}

    async def test_a_picture_that_is_gone(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = repeat(httpx.Response(404))
        async with server.client() as client:
            with pytest.raises(ServerError, match=r"no longer has the picture 'a_00001_\.png'"):
                await client.fetch(OutputImage(REF))

    async def test_a_picture_that_is_too_big(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = iter([httpx.Response(200, content=b"x" * 1001)])
        async with server.client(max_bytes=1000) as client:
            with pytest.raises(ServerError, match="more than 1,000 bytes"):
                await client.fetch(OutputImage(REF))

    async def test_a_picture_that_comes_later_than_its_name(self, server: ScriptedServer) -> None:
        html = httpx.Response(200, html="<html>moment</html>")
        server.answers["GET /view"] = iter([httpx.Response(404), html])
        async with server.client() as client:
            assert await client.fetch(OutputImage(REF)) == PNG

    async def test_what_is_no_picture(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = repeat(httpx.Response(200, html="<html>login</html>"))
        async with server.client() as client:
            with pytest.raises(ServerUnreachable, match=r"sends text/html.* for the picture"):
                await client.fetch(OutputImage(REF))

    @pytest.mark.parametrize("kind", ["image/avif", "application/octet-stream"])
    async def test_a_picture_is_known_by_type_or_by_its_first_bytes(
        self, server: ScriptedServer, kind: str
    ) -> None:
        data = b"whatever" if kind == "image/avif" else PNG
        answer = httpx.Response(200, content=data, headers={"content-type": kind})
        server.answers["GET /view"] = iter([answer])
        async with server.client() as client:
            assert await client.fetch(OutputImage(REF)) == data

    async def test_a_picture_that_is_cut_off(self, server: ScriptedServer) -> None:
        cut = httpx.Response(200, content=PNG[:-1], headers={"content-length": str(len(PNG))})
        server.answers["GET /view"] = iter([cut])
        async with server.client() as client:
            assert await client.fetch(OutputImage(REF)) == PNG
            server.answers["GET /view"] = repeat(cut)
            with pytest.raises(ServerUnreachable, match="broke off its answer to /view after"):
                await client.fetch(OutputImage(REF))

    async def test_a_picture_that_drips_for_ever(self, server: ScriptedServer) -> None:
        async def drips() -> AsyncIterator[bytes]:
            while True:
                yield b"x"
                await asyncio.sleep(0.001)

        server.answers["GET /view"] = iter([httpx.Response(200, content=drips())])
        async with server.client(timeouts=Timeouts(answer=0.02, retry=())) as client:
            with pytest.raises(ServerUnreachable, match=r"GET /view \(no answer in time\)"):
                await client.fetch(OutputImage(REF))

    async def test_a_busy_server_is_asked_again(self, server: ScriptedServer) -> None:
        server.answers["GET /view"] = iter([httpx.Response(503), httpx.ReadTimeout("slow")])
        async with server.client() as client:
            assert await client.fetch(OutputImage(REF)) == PNG


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
