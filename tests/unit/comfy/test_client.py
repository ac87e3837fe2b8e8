import asyncio
import json
from typing import Any

import httpx
import pytest

from orchestrator.comfy.events import Preview, Progress, PromptEvent, SentImage
from orchestrator.comfy.prompt_state import End, OutputImage
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.errors import ServerUnreachable, Unsettled
from tests.unit.comfy.scripted import (
    GRAPH,
    OTHER,
    OURS,
    OUTPUT,
    PREVIEW,
    REF,
    SENDER,
    ScriptedServer,
    patient,
)


async def test_what_the_frames_tell_is_enough(server: ScriptedServer) -> None:
    heard: list[PromptEvent] = []
    async with (
        server.client(timeouts=patient()) as client,
        server.generating(client, on_event=heard.append) as task,
    ):
        server.tell("execution_start", prompt_id=OTHER)
        server.tell("progress", prompt_id=OURS, node="3", value=1, max=4)
        server.succeed()
        done = await task
    assert (done.ending, done.seconds, done.error) == (End.SUCCEEDED, 2.5, "")
    assert done.images == (OutputImage(REF),)
    assert Progress(OURS, "3", 1.0, 4.0) in heard
    assert {event.prompt_id for event in heard} == {OURS}
    assert not server.called(f"GET /history/{OURS}")


async def test_features_are_negotiated_before_the_post(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client):
        (socket,) = server.sockets
        assert json.loads(socket.sent[0]) == {
            "type": "feature_flags",
            "data": {"supports_preview_metadata": True},
        }
        (post,) = server.called("POST /prompt")
        body = json.loads(post.content)
        assert socket.uri == f"ws://comfy.test:8188/ws?clientId={body['client_id']}"
        assert (body["prompt"], body["prompt_id"]) == (GRAPH, OURS)


async def test_each_client_has_a_client_id_of_its_own(server: ScriptedServer) -> None:
    async with server.client(), server.client():
        first, second = server.sockets
    assert first.uri != second.uri


async def test_without_any_frame_the_history_settles(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.finish(OURS, {"9": OUTPUT})
        done = await task
    assert (done.ending, done.images, done.seconds) == (End.SUCCEEDED, (OutputImage(REF),), 2.5)


async def test_over_without_an_end_is_looked_up_at_once(server: ScriptedServer) -> None:
    async with (
        server.client(timeouts=patient()) as client,
        server.generating(client) as task,
    ):
        end = ("execution_interrupted", {"prompt_id": OURS, "node_id": "3"})
        server.finish(OURS, {}, *end)
        server.tell("executing", prompt_id=OURS, node=None)
        assert (await task).ending is End.INTERRUPTED


async def test_a_failure_is_told_in_one_line(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.tell(
            "execution_error",
            prompt_id=OURS,
            node_id="3",
            node_type="KSampler",
            exception_type="torch.OutOfMemoryError",
            exception_message="Allocation on device\n\nTIPS",
            current_inputs={"api_key": ["sk-123"]},
        )
        done = await task
    assert (done.ending, done.out_of_memory) == (End.FAILED, True)
    assert done.error == f"KSampler #3 ran out of memory on {server.url}: Allocation on device"


async def test_a_cached_run_is_told(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.tell("execution_cached", prompt_id=OURS, nodes=["3", "9"])
        server.succeed()
        assert (await task).cached


async def test_frames_without_a_prompt_go_to_the_one_that_executes(server: ScriptedServer) -> None:
    first: list[PromptEvent] = []
    second: list[PromptEvent] = []
    async with (
        server.client(timeouts=patient()) as client,
        server.generating(client, SENDER, on_event=first.append),
        server.generating(client, SENDER, OTHER, on_event=second.append) as task,
    ):
        server.tell("executing", prompt_id=OURS, node="9")  # its end goes missing
        server.tell("executing", prompt_id=OTHER, node="9")
        server.sockets[-1].frames.put_nowait(PREVIEW)
        server.tell("execution_success", prompt_id=OTHER)
        done = await task
        assert await client.fetch(done.images[0]) == b"picture"
    assert not server.called("GET /view")
    assert not [event for event in first if isinstance(event, Preview | SentImage)]
    assert SentImage(OTHER, "9", "image/png", b"picture") in second


async def test_pictures_that_name_no_prompt_are_others_where_ours_do(
    server: ScriptedServer,
) -> None:
    heard: list[PromptEvent] = []
    async with (
        server.client(timeouts=patient()) as client,
        server.generating(client, SENDER, on_event=heard.append) as task,
    ):
        server.tell("feature_flags", supports_preview_metadata=True)
        server.tell("executing", prompt_id=OURS, node="9")
        server.sockets[-1].frames.put_nowait(PREVIEW)
        head = json.dumps({"prompt_id": OURS, "node_id": "9", "image_type": "image/png"}).encode()
        ours = b"\0\0\0\4" + len(head).to_bytes(4, "big") + head + b"our own"
        server.sockets[-1].frames.put_nowait(ours)
        server.tell("execution_success", prompt_id=OURS)
        assert [image.data for image in (await task).images] == [b"our own"]
    assert not [event for event in heard if isinstance(event, Preview)]


async def test_a_lost_socket_is_replaced_under_a_fresh_id(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.running = [OURS]
        server.sockets[0].frames.put_nowait(ConnectionError("gone"))
        await server.until(lambda: len(server.sockets) > 1)
        assert server.sockets[0].closed
        assert server.sockets[1].uri != server.sockets[0].uri
        server.finish(OURS, {"9": OUTPUT})
        assert (await task).images == (OutputImage(REF),)


async def test_a_success_heard_after_a_gap_waits_for_the_history(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.running = [OURS]
        server.sockets[0].frames.put_nowait(ConnectionError("gone"))
        await server.until(lambda: len(server.sockets) > 1)
        seen = len(server.called("GET /queue"))
        server.tell("execution_success", prompt_id=OURS)  # the history entry comes later
        await server.until(lambda: len(server.called("GET /queue")) >= seen + 3)
        assert not task.done()
        server.finish(OURS, {"9": OUTPUT})
        assert (await task).images == (OutputImage(REF),)


async def test_a_websocket_picture_missed_is_lost(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client, SENDER) as task:
        server.sockets[0].frames.put_nowait(ConnectionError("gone"))
        server.finish(OURS, {})
        done = await task
    assert done.ending is End.LOST
    assert "while the websocket was down" in done.error


async def test_a_websocket_picture_may_come_after_the_history(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client, SENDER) as task:
        server.tell("executing", prompt_id=OURS, node="9")
        server.finish(OURS, {})
        looks = len(server.called(f"GET /history/{OURS}"))
        await server.until(lambda: len(server.called(f"GET /history/{OURS}")) > looks + 2)
        assert not task.done()
        server.sockets[-1].frames.put_nowait(PREVIEW)
        server.tell("executing", prompt_id=OURS, node=None)
        assert [image.data for image in (await task).images] == [b"picture"]


async def test_a_websocket_picture_that_never_comes_is_lost(server: ScriptedServer) -> None:
    timeouts = Timeouts(poll=0.001, apart=0.0, trail=0.01)
    async with (
        server.client(timeouts=timeouts) as client,
        server.generating(client, SENDER) as task,
    ):
        server.finish(OURS, {})
        assert (await task).ending is End.LOST


async def test_a_server_that_forgot_the_prompt(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        server.pending = []
        done = await task
    assert done.ending is End.LOST
    assert OURS in done.error


async def test_one_look_that_finds_nothing_is_not_believed(server: ScriptedServer) -> None:
    async with server.client() as client, server.generating(client) as task:
        nothing: dict[str, Any] = {"queue_running": [], "queue_pending": []}
        server.answers["GET /queue"] = iter([httpx.Response(200, json=nothing)])
        await server.until(lambda: len(server.called("GET /queue")) >= 4)
        assert not task.done()


async def test_following_an_earlier_prompt(server: ScriptedServer) -> None:
    server.running = [OURS]
    async with server.client() as client:
        task = asyncio.create_task(client.follow(OURS, graph=GRAPH))
        await server.until(lambda: bool(server.called("GET /queue")))
        server.finish(OURS, {"9": OUTPUT})
        done = await task
        assert (done.ending, done.images) == (End.SUCCEEDED, (OutputImage(REF),))
        assert (await client.follow(OTHER)).ending is End.LOST
    assert not server.called("POST /prompt")


class TestNobodyWaitsForEver:
    async def test_when_the_client_is_closed(self, server: ScriptedServer) -> None:
        client = server.client()
        async with client, server.generating(client) as task:
            await client.__aexit__(None, None, None)
            with pytest.raises(Unsettled, match="is closed"):
                await task
            with pytest.raises(ServerUnreachable, match="is closed") as closed:
                await client.generate(GRAPH, OTHER)
            assert not isinstance(closed.value, Unsettled)

    async def test_when_the_server_is_gone(self, server: ScriptedServer) -> None:
        timeouts = Timeouts(poll=0.001, apart=0.0, gone=0.01)
        async with server.client(timeouts=timeouts) as client, server.generating(client) as task:
            server.answers["GET /queue"] = iter([httpx.ConnectError("refused")] * 10_000)
            with pytest.raises(Unsettled, match=r"has not answered for 0\.01 s"):
                await task

    async def test_when_the_socket_cannot_be_opened_again(self, server: ScriptedServer) -> None:
        timeouts = Timeouts(poll=60.0, reconnect=(0.001,), gone=0.02)
        async with server.client(timeouts=timeouts) as client:
            server.refuse_sockets = True
            server.sockets[0].frames.put_nowait(ConnectionError("gone"))
            await asyncio.sleep(0)
            with pytest.raises(ServerUnreachable, match="could not be opened again"):
                await client.generate(GRAPH, OURS)
        assert not server.called("POST /prompt")

    async def test_when_a_listener_fails(self, server: ScriptedServer) -> None:
        def fail(event: PromptEvent) -> None:
            raise RuntimeError("no screen")

        async with (
            server.client(timeouts=patient()) as client,
            server.generating(client, on_event=fail) as failing,
            server.generating(client, prompt_id=OTHER) as working,
        ):
            server.succeed()
            server.succeed(OTHER)
            with pytest.raises(RuntimeError, match="no screen"):
                await failing
            assert (await working).ending is End.SUCCEEDED

    async def test_when_two_ask_for_the_same_prompt(self, server: ScriptedServer) -> None:
        async with server.client() as client, server.generating(client):
            with pytest.raises(ValueError, match="followed already"):
                await client.follow(OURS)


async def test_what_was_lost_while_it_waited_took_no_time(server: ScriptedServer) -> None:
    server.pending = [OURS]
    async with server.client() as client, server.generating(client) as generating:
        await server.until(lambda: len(server.called("GET /queue")) > 3)
        server.pending = []
        done = await generating
    assert (done.ending, done.seconds) == (End.LOST, 0.0)
