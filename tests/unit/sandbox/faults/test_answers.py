"""What becomes of HTTP requests and answers, seen by a client."""

import asyncio
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.unit.sandbox.driver import Time, noise
from tests.unit.sandbox.faults.wire import Wire, until

FILE = "/view?filename=noise_00001_.png"


async def accepted(wire: Wire) -> list[str]:
    return [entry["prompt_id"] for entry in await wire.events("accepted")]


@pytest.mark.parametrize(("at", "queued"), [("request", []), ("answer", ["p"])])
@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_answers(wire: Wire, at: str, queued: list[str], status: int) -> None:
    await wire.arm({"fault": "bad_gateway", "at": at, "status": status})
    answer = await wire.submit(noise())
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert str(status) in answer.text
    assert await accepted(wire) == queued
    assert (await wire.submit(noise(), prompt_id="q")).status_code == 200


@pytest.mark.parametrize(("at", "queued"), [("request", []), ("answer", ["p"])])
async def test_the_connection_is_reset(wire: Wire, at: str, queued: list[str]) -> None:
    await wire.arm({"fault": "reset", "at": at})
    with pytest.raises(httpx.ReadError):  # an orderly end would be a RemoteProtocolError
        await wire.submit(noise())
    assert await accepted(wire) == queued


@pytest.mark.parametrize(("at", "queued"), [("request", []), ("answer", ["p"])])
async def test_an_answer_never_comes(wire: Wire, at: str, queued: list[str]) -> None:
    await wire.arm({"fault": "never_answer", "at": at})
    with pytest.raises(httpx.ReadTimeout):
        await wire.http.post("/prompt", json={"prompt": noise(), "prompt_id": "p"}, timeout=0.1)
    assert await accepted(wire) == queued


@pytest.mark.parametrize(("at", "queued"), [("request", []), ("answer", ["p"])])
async def test_an_answer_comes_late(wire: Wire, time: Time, at: str, queued: list[str]) -> None:
    await wire.arm({"fault": "answer_late", "at": at, "seconds": 7})
    time.stop_after(0)
    asking = asyncio.create_task(wire.submit(noise()))
    await until(lambda: 7 in time.calls)
    assert await accepted(wire) == queued
    assert not asking.done()
    time.go_on()
    assert (await asking).json()["prompt_id"] == "p"


async def test_an_answer_comes_twice(wire: Wire) -> None:
    await wire.arm({"fault": "answer_twice", "when": {"path": "/queue"}})
    address = httpx.URL(wire.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /queue HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    heads = (await reader.read()).split(b"HTTP/1.1 200 OK\r\n")[1:]
    writer.close()
    bodies = [head.split(b"\r\n\r\n")[1] for head in heads]
    assert bodies == [b'{"queue_running": [], "queue_pending": []}'] * 2
    assert all(b"Content-Length: 42\r\n" in head for head in heads)


async def test_a_request_reaches_the_server_twice(wire: Wire) -> None:
    await wire.arm({"fault": "repeat_request"})
    assert (await wire.submit(noise())).status_code == 200
    assert await accepted(wire) == ["p", "p"]


async def test_the_handshake_of_a_websocket_can_fail(wire: Wire) -> None:
    await wire.arm({"fault": "bad_gateway", "when": {"path": "/ws"}})
    answer = await wire.http.get("/ws")
    assert answer.status_code == 502


async def image(wire: Wire, *faults: dict[str, Any]) -> bytes:
    """The bytes of a picture, before these faults are armed."""
    await wire.submit(noise())
    await wire.ended()
    data = (await wire.http.get(FILE)).content
    await wire.arm(*faults)
    return data


async def test_an_image_breaks_off(wire: Wire) -> None:
    whole = await image(wire, {"fault": "truncated_image", "keep": 0.25})
    async with wire.http.stream("GET", FILE) as answer:
        assert answer.headers["Content-Length"] == str(len(whole))
        assert answer.headers["Content-Type"] == "image/png"
        got, broken = bytearray(), False
        try:
            async for chunk in answer.aiter_bytes():
                got += chunk
        except httpx.RemoteProtocolError:
            broken = True
    assert broken
    assert got == whole[: len(whole) // 4]


async def test_an_image_is_broken(wire: Wire) -> None:
    whole = await image(wire, {"fault": "truncated_image", "announced": "part"})
    answer = await wire.http.get(FILE)
    assert answer.content == whole[: len(whole) // 2]
    with pytest.raises(OSError, match="truncated"):
        Image.open(BytesIO(answer.content)).load()


@pytest.mark.parametrize("announced", [True, False])
async def test_an_image_is_enormous(wire: Wire, announced: bool) -> None:
    fault = {"fault": "enormous_image", "size": 1_000_000, "announced": announced}
    whole = await image(wire, fault)
    answer = await wire.http.get(FILE)
    assert answer.content == whole + bytes(1_000_000 - len(whole))
    assert answer.headers.get("Content-Length") == ("1000000" if announced else None)


async def test_nobody_needs_to_take_all_of_an_enormous_image(wire: Wire) -> None:
    await image(wire, {"fault": "enormous_image"})
    async with wire.http.stream("GET", FILE) as answer:
        assert answer.headers["Content-Length"] == str(1024**3)
    assert (await wire.http.get(FILE)).status_code == 200


async def test_an_image_drips(wire: Wire, time: Time) -> None:
    whole = await image(wire, {"fault": "slow_drip", "chunk": 10, "seconds": 3})
    time.stop_after(2)
    async with wire.http.stream("GET", FILE) as answer:
        chunks = answer.aiter_bytes()
        got = bytearray()
        while len(got) < 30:
            got += await anext(chunks)
        assert got == whole[:30]
        time.go_on()
        async for chunk in chunks:
            got += chunk
    assert got == whole
    assert time.calls.count(3) == -(-len(whole) // 10)


async def test_an_image_is_said_to_be_something_else(wire: Wire) -> None:
    whole = await image(wire, {"fault": "wrong_content_type", "content_type": "audio/mpeg"})
    answer = await wire.http.get(FILE)
    assert (answer.content, answer.headers["Content-Type"]) == (whole, "audio/mpeg")


async def test_a_page_comes_for_an_image(wire: Wire) -> None:
    await image(wire, {"fault": "html_instead_of_image"})
    answer = await wire.http.get(FILE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<html>")


async def test_an_image_is_not_found(wire: Wire) -> None:
    await image(wire, {"fault": "not_found"})
    assert (await wire.http.get(FILE)).status_code == 404
    assert (await wire.http.get(FILE)).status_code == 200


async def test_other_answers_can_break_off_too(wire: Wire) -> None:
    await wire.arm({"fault": "truncated_image", "when": {"path": "/system_stats"}})
    with pytest.raises(httpx.RemoteProtocolError):
        await wire.http.get("/system_stats")
