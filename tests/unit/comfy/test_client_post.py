"""What became of a POST that was not answered is found out, never tried."""

from itertools import repeat
from typing import Any

import httpx
import pytest

from orchestrator.comfy.prompt_state import End
from orchestrator.comfy.timeouts import Timeouts
from orchestrator.errors import PromptRejected, ServerError, ServerUnreachable, Unsettled
from tests.unit.comfy.scripted import GRAPH, OTHER, OURS, ScriptedServer


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("reset"),
        httpx.Response(502, text="<html>"),
    ],
)
async def test_queued_all_the_same(server: ScriptedServer, trouble: Any) -> None:
    server.answers["POST /prompt"] = iter([trouble])
    server.pending = [OURS]
    async with server.client() as client, server.generating(client) as task:
        server.succeed()
        assert (await task).ending is End.SUCCEEDED
    assert len(server.called("POST /prompt")) == 1


async def test_never_queued(server: ScriptedServer) -> None:
    server.answers["POST /prompt"] = iter([httpx.ReadTimeout("slow")])
    async with server.client() as client:
        assert (await client.generate(GRAPH, OURS)).ending is End.LOST
    assert len(server.called("POST /prompt")) == 1


async def test_queued_long_after_the_post_was_given_up(server: ScriptedServer) -> None:
    server.answers["POST /prompt"] = iter([httpx.ReadTimeout("slow")])
    async with server.client() as client, server.generating(client) as task:
        await server.until(lambda: len(server.called(f"GET /history/{OURS}")) > 3)
        server.pending = [OURS]
        server.succeed()
        assert (await task).ending is End.SUCCEEDED
    assert len(server.called("POST /prompt")) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(429, ServerUnreachable), (500, ServerError), (403, ServerError)]
)
async def test_refused_by_what_stands_before(
    server: ScriptedServer, status: int, error: type[Exception]
) -> None:
    server.answers["POST /prompt"] = iter([httpx.Response(status)])
    async with server.client() as client:
        with pytest.raises(error, match=f"HTTP {status}"):
            await client.generate(GRAPH, OURS)
    assert len(server.called("POST /prompt")) == 1


@pytest.mark.parametrize("status", [502, 503, 504, 524])
async def test_lost_on_the_way(server: ScriptedServer, status: int) -> None:
    server.answers["POST /prompt"] = iter([httpx.Response(status)])
    async with server.client() as client:
        assert (await client.generate(GRAPH, OURS)).ending is End.LOST
    assert len(server.called("POST /prompt")) == 1


async def test_a_failed_connect_is_tried_again(server: ScriptedServer) -> None:
    server.answers["POST /prompt"] = iter([httpx.ConnectError("refused")])
    async with server.client() as client, server.generating(client) as task:
        await server.until(lambda: len(server.called("POST /prompt")) > 1)
        server.succeed()
        assert (await task).ending is End.SUCCEEDED


async def test_no_connection_at_all(server: ScriptedServer) -> None:
    server.answers["POST /prompt"] = iter([httpx.ConnectError("refused")] * 3)
    async with server.client() as client:
        with pytest.raises(
            ServerUnreachable, match=r"can't be reached \(refused\): is Comfy"
        ) as it:
            await client.generate(GRAPH, OURS)
        assert not isinstance(it.value, Unsettled)


async def test_a_server_that_cannot_be_asked_leaves_it_open(server: ScriptedServer) -> None:
    server.answers["POST /prompt"] = iter([httpx.ReadTimeout("slow")])
    async with server.client(timeouts=Timeouts(poll=0.001, apart=0.001, gone=0.01)) as client:
        server.answers["GET /queue"] = repeat(httpx.ConnectError("refused"))
        with pytest.raises(Unsettled):
            await client.generate(GRAPH, OURS)


async def test_rejected(server: ScriptedServer) -> None:
    about = {"input_name": "sampler_name", "received_value": "eular", "input_config": None}
    node = {"errors": [{"type": "value_not_in_list", "extra_info": about}]}
    body = {"error": {"type": "prompt_outputs_failed_validation"}, "node_errors": {"3": node}}
    info = {"KSampler": {"input": {"required": {"sampler_name": [["euler", "ddim"]]}}}}
    server.answers["POST /prompt"] = iter([httpx.Response(400, json=body)])
    server.answers["GET /object_info"] = iter([httpx.Response(200, json=info)])
    async with server.client() as client:
        with pytest.raises(PromptRejected, match=r"KSampler #3.*did you mean 'euler'\?$"):
            await client.generate(GRAPH, OURS)


async def test_rejected_by_a_server_that_does_not_tell_its_nodes(server: ScriptedServer) -> None:
    body = {"error": {"type": "prompt_no_outputs"}, "node_errors": {}}
    server.answers["POST /prompt"] = iter([httpx.Response(400, json=body)])
    server.answers["GET /object_info"] = iter([httpx.Response(404)])
    async with server.client() as client:
        with pytest.raises(PromptRejected, match="no output node"):
            await client.generate(GRAPH, OURS)


async def test_dropped_outputs_are_told(server: ScriptedServer) -> None:
    missing = {"type": "required_input_missing", "extra_info": {"input_name": "images"}}
    answer = {"prompt_id": OURS, "node_errors": {"9": {"errors": [missing]}}}
    server.answers["POST /prompt"] = iter([httpx.Response(200, json=answer)])
    async with server.client() as client, server.generating(client) as task:
        server.succeed()
        done = await task
    assert done.dropped == ("SaveImage #9: required input 'images' is missing",)


async def test_a_server_that_takes_no_ids_gets_no_prompts(server: ScriptedServer) -> None:
    server.pending = [OTHER]
    answer = {"prompt_id": OTHER, "number": 1, "node_errors": {}}
    server.answers["POST /prompt"] = iter([httpx.Response(200, json=answer)])
    async with server.client() as client:
        with pytest.raises(ServerError, match="update ComfyUI"):
            await client.generate(GRAPH, OURS)
    assert not server.pending
