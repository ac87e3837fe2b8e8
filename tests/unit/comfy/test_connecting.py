import httpx
import pytest

from orchestrator.comfy.client import ComfyClient
from orchestrator.errors import (
    NotComfyUI,
    ServerError,
    ServerUnreachable,
    SettingsError,
)
from tests.unit.comfy.scripted import ScriptedServer


async def test_no_server_address() -> None:
    with pytest.raises(SettingsError, match="is no server address"):
        ComfyClient("ftp://h")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>It works!</html>"),
        httpx.Response(200, json={"status": "ok"}),
        httpx.Response(200, json=[]),
        httpx.Response(404),
        httpx.Response(302, headers={"location": "/login"}),
    ],
)
async def test_something_else_answers(server: ScriptedServer, answer: httpx.Response) -> None:
    server.answers["GET /system_stats"] = iter([answer])
    with pytest.raises(NotComfyUI, match=r"not as ComfyUI does.*: check the address$"):
        await server.client().__aenter__()


async def test_access_refused(server: ScriptedServer) -> None:
    server.answers["GET /system_stats"] = iter([httpx.Response(401)])
    with pytest.raises(ServerError, match=r"refuses access \(HTTP 401\): check the auth"):
        await server.client().__aenter__()


async def test_nothing_answers(server: ScriptedServer) -> None:
    server.answers["GET /system_stats"] = iter([httpx.ConnectError("refused")] * 3)
    with pytest.raises(ServerUnreachable, match="is ComfyUI running there"):
        await server.client().__aenter__()


async def test_a_websocket_that_cannot_be_opened(server: ScriptedServer) -> None:
    server.refuse_sockets = True
    with pytest.raises(ServerUnreachable, match=r"can't be opened \(refused\)"):
        await server.client().__aenter__()


async def test_a_websocket_that_says_nothing(server: ScriptedServer) -> None:
    server.greet = False
    with pytest.raises(ServerUnreachable, match=r"can't be opened \(silence\)"):
        await server.client().__aenter__()
    assert server.sockets[0].closed


async def test_headers_go_on_every_request(server: ScriptedServer) -> None:
    async with server.client(headers={"Authorization": "Bearer x"}) as client:
        await client.system()
    assert {r.headers["authorization"] for r in server.requests} == {"Bearer x"}
