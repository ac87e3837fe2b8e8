"""A websocket that says nothing while it should; and how often queue and history are looked at."""

import asyncio

from orchestrator.comfy.prompt_state import End
from orchestrator.comfy.timeouts import Timeouts
from tests.unit.comfy.scripted import GRAPH, OTHER, OURS, OUTPUT, ScriptedServer

HASTY = Timeouts(poll=0.002, apart=0.001, silence=0.01, reconnect=(0.0,))


async def test_a_silent_socket_is_replaced_while_our_prompt_runs(server: ScriptedServer) -> None:
    async with server.client(timeouts=HASTY) as client, server.generating(client) as task:
        server.running, server.pending = [OURS], []
        await server.until(lambda: len(server.sockets) > 1)
        assert server.sockets[0].closed
        assert server.sockets[1].uri != server.sockets[0].uri
        looks = len(server.called("GET /queue"))
        await server.until(lambda: len(server.called("GET /queue")) > looks + 20)
        assert len(server.sockets) == 2  # the new one has nothing to tell of the old prompt
        server.finish(OURS, {"9": OUTPUT})
        assert (await task).ending is End.SUCCEEDED


async def test_a_prompt_that_ran_without_a_word_tells_of_a_dead_socket(
    server: ScriptedServer,
) -> None:
    timeouts = Timeouts(poll=0.002, apart=0.001, reconnect=(0.0,))
    async with server.client(timeouts=timeouts) as client:
        async with server.generating(client) as task:
            server.finish(OURS, {"9": OUTPUT})
            assert (await task).ending is End.SUCCEEDED
        await server.until(lambda: len(server.sockets) > 1)
        assert server.sockets[0].closed


async def test_silence_is_right_while_others_run(server: ScriptedServer) -> None:
    async with server.client(timeouts=HASTY) as client, server.generating(client):
        server.running = [OTHER]
        await server.until(lambda: len(server.called("GET /queue")) > 20)
        await asyncio.sleep(0.02)
        assert len(server.sockets) == 1


async def test_one_look_serves_everybody_who_asks(server: ScriptedServer) -> None:
    timeouts = Timeouts(poll=60.0, apart=0.05)
    async with server.client(timeouts=timeouts) as client:
        for _ in range(3):
            looks = len(server.called("GET /queue"))
            ids = [f"{OURS}{n}" for n in range(4)]
            assert all(await asyncio.gather(*map(client.cancel, ids)))
            assert len(server.called("GET /queue")) <= looks + 2


async def test_prompts_that_are_not_heard_of_are_looked_for_more_often(
    server: ScriptedServer,
) -> None:
    timeouts = Timeouts(poll=60.0, apart=0.001, reconnect=(0.0,))
    async with server.client(timeouts=timeouts) as client, server.generating(client, GRAPH) as task:
        server.sockets[0].frames.put_nowait(ConnectionError("gone"))
        await server.until(lambda: len(server.called("GET /queue")) > 5)
        server.finish(OURS, {"9": OUTPUT})
        assert (await task).ending is End.SUCCEEDED
