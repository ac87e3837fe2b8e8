"""A server that dies and comes back on its port."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx
import pytest

from orchestrator.sandbox.app import Sandbox
from orchestrator.sandbox.faults.kinds import read
from orchestrator.sandbox.options import Options
from tests.unit.sandbox.driver import Time, noise, txt2img
from tests.unit.sandbox.faults.wire import Wire, told, until


async def back(wire: Wire) -> None:
    """Until the server answers again."""
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await wire.http.get("/queue")).status_code == 200:
                return
        await asyncio.sleep(0)


async def test_queue_sockets_and_history_are_gone(wire: Wire, time: Time) -> None:
    await wire.submit(noise(), prompt_id="old")
    await wire.ended("old")
    await wire.arm({"fault": "restart", "at": "step", "when": {"prompt_id": "p", "step": 2}})
    time.stop_after(1)
    async with await wire.connect() as socket:
        await wire.submit(txt2img(steps=5))
        await wire.submit(noise(seed=2), prompt_id="pending")
        await until(lambda: len(time.calls) == 3)
        time.go_on()
        frames = await told(socket)
    assert socket.close_code == 1006
    steps = [frame["data"]["value"] for frame in frames if frame["type"] == "progress"]
    assert steps == [1]
    await back(wire)
    assert await wire.get("/history") == {}
    assert await wire.get("/queue") == {"queue_running": [], "queue_pending": []}
    log = [entry["event"] for entry in await wire.get("/_sandbox/log")]
    assert log[log.index("stopped") :] == ["stopped", "forgotten", "forgotten", "restarted"]
    forgotten = await wire.events("forgotten")
    assert [(entry["prompt_id"], entry["client_id"]) for entry in forgotten] == [
        ("p", "me"),
        ("pending", "me"),
    ]


async def test_it_works_again_as_if_new(wire: Wire) -> None:
    async with await wire.connect() as socket:
        await wire.run(txt2img(), socket)
    await wire.arm({"fault": "restart"})
    await back(wire)
    async with await wire.connect() as socket:
        await wire.submit(txt2img(), prompt_id="q")
        frames = await told(socket)
    assert frames[3]["data"]["nodes"] == []  # nothing cached
    entry = await wire.ended("q")
    assert entry["prompt"][0] == 0  # counted anew
    (file,) = entry["outputs"]["9"]["images"]
    assert file["filename"] == "test_00002_.png"  # files stay


async def test_history_may_be_kept(wire: Wire) -> None:
    await wire.submit(noise())
    await wire.ended()
    await wire.arm({"fault": "restart", "keep_history": True})
    await back(wire)
    assert "p" in await wire.get("/history")


async def test_a_prompt_may_be_queued_and_lost_with_its_answer(wire: Wire) -> None:
    submits = {"method": "POST", "path": "/prompt"}
    await wire.arm({"fault": "restart", "at": "answer", "when": submits})
    with pytest.raises(httpx.TransportError):
        await wire.submit(noise())
    await back(wire)
    assert [entry["prompt_id"] for entry in await wire.events("accepted")] == ["p"]
    assert [entry["prompt_id"] for entry in await wire.events("forgotten")] == ["p"]
    assert await wire.get("/history/p") == {}


async def test_a_prompt_may_be_told_done_and_be_in_no_history(wire: Wire) -> None:
    await wire.arm({"fault": "restart", "at": "ended", "keep_history": True})
    async with await wire.connect() as socket:
        frames = await wire.run(noise(), socket)
    assert frames[-1]["type"] == "execution_success"
    await back(wire)
    assert await wire.get("/history/p") == {}
    assert (await wire.events("finished"))[0]["prompt_id"] == "p"


async def test_meanwhile_connections_are_refused(wire: Wire, time: Time) -> None:
    time.stop_after(0)
    await wire.arm({"fault": "restart", "downtime": 5})
    await until(lambda: 5 in time.calls)
    with pytest.raises(httpx.ConnectError):
        await wire.http.get("/queue")
    with pytest.raises(ConnectionRefusedError):
        await wire.connect()
    time.go_on()
    await back(wire)


async def test_meanwhile_a_proxy_may_say_so(wire: Wire, time: Time) -> None:
    time.stop_after(0)
    await wire.arm({"fault": "restart", "downtime": 5, "while_down": "503"})
    await until(lambda: 5 in time.calls)
    for method, path in (("POST", "/prompt"), ("GET", "/ws")):
        answer = await wire.http.request(method, path)
        assert (answer.status_code, answer.headers["Content-Type"][:9]) == (503, "text/html")
    time.go_on()
    await back(wire)


async def test_a_request_that_hangs_ends_with_the_server(wire: Wire) -> None:
    await wire.arm({"fault": "never_answer"})
    asking = asyncio.create_task(wire.submit(noise()))
    while not (await wire.get("/_sandbox/faults"))["used_up"]:
        pass
    await wire.arm({"fault": "restart"})
    with pytest.raises(httpx.TransportError):
        await asking
    await back(wire)
    assert await wire.events("accepted") == []


async def test_it_can_be_closed_while_it_is_down(time: Time) -> None:
    faults = read('[{"fault": "restart", "at": "step", "downtime": 60, "while_down": "503"}]')
    time.stop_after(1)
    async with (
        Sandbox(Options(), faults=faults, sleep=time) as sandbox,
        httpx.AsyncClient() as http,
    ):
        await http.post(f"{sandbox.url}/prompt", json={"prompt": txt2img()})
        await until(lambda: 60 in time.calls)


async def test_a_file_arms_faults_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"fault": "bad_gateway", "when": {"path": "/queue"}}]')
    command = ["-m", "orchestrator", "sandbox", "--port", "0", "--faults", str(file)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    async with httpx.AsyncClient(base_url=url) as http:
        assert [(await http.get("/queue")).status_code for _ in range(2)] == [502, 200]
    process.terminate()
    assert await process.wait() == 0


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "can't read {file}: No such file or directory\n"),
        ("[{}]", "{file}: faults.0: Unable to extract tag using discriminator 'fault'\n"),
    ],
)
async def test_a_file_that_is_wrong_is_one_line(
    tmp_path: Path, content: str | None, line: str
) -> None:
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content)
    command = ["-m", "orchestrator", "sandbox", "--port", "0", "--faults", str(file)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=PIPE, stderr=PIPE
    )
    stdout, stderr = await process.communicate()
    assert (process.returncode, stdout) == (2, b"")
    assert stderr.decode() == line.format(file=file)
