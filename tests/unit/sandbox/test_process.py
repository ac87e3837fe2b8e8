"""The sandbox as a child process: ready line, end, exit codes."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import aiohttp

from tests.unit.sandbox.driver import noise


async def start(*arguments: str) -> Process:
    command = [sys.executable, "-m", "orchestrator", "sandbox", *arguments]
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)


async def ready(process: Process) -> str:
    assert process.stdout is not None
    return str(json.loads(await process.stdout.readline())["url"])


async def test_it_says_where_it_is_and_ends_on_sigterm(tmp_path: Path) -> None:
    process = await start("--port", "0", "--output", str(tmp_path / "out"))
    url = await ready(process)
    async with aiohttp.ClientSession() as session:
        async with session.post(url + "/prompt", json={"prompt": noise()}) as response:
            assert response.status == 200
        async with session.ws_connect(url + "/ws") as open_socket:
            await open_socket.receive_json()
            process.send_signal(signal.SIGTERM)
            async for _ in open_socket:
                pass  # until it closes
    stdout, stderr = await process.communicate()
    assert process.returncode == 0
    assert (stdout, stderr) == (b"", b"")
    assert (tmp_path / "out").is_dir()


async def test_it_ends_with_its_parent() -> None:
    process = await start("--port", "0", "--exit-with-parent")
    await ready(process)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def test_a_taken_port_is_one_line_and_exit_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start("--port", str(port))
        stdout, stderr = await process.communicate()
    assert process.returncode == 2
    assert stdout == b""
    assert stderr.decode().startswith(f"the sandbox can't listen on 127.0.0.1:{port}: ")
    assert stderr.count(b"\n") == 1
