"""What becomes of websocket frames, seen by a client."""

from typing import Any

import pytest

from tests.unit.sandbox.driver import Frame, Time, noise, txt2img
from tests.unit.sandbox.faults.wire import Wire, silent, told, until

WHOLE = 14
"""How many frames about itself a run of the noise graph has."""


def heard(frames: list[Frame]) -> list[tuple[Any, Any]]:
    return [(frame["type"], frame["data"].get("node")) for frame in frames]


def place(frames: list[Frame], number: int) -> int:
    """Where the frame with that number is, among those that tell of the queue."""
    return [i for i, frame in enumerate(frames) if frame["type"] != "status"][number - 1]


async def whole(wire: Wire) -> list[Frame]:
    async with await wire.connect() as socket:
        return await wire.run(noise(), socket)


async def test_a_run_has_so_many_frames(wire: Wire) -> None:
    frames = await whole(wire)
    assert place(frames, WHOLE) == len(frames) - 1


@pytest.mark.parametrize("number", [1, 4, WHOLE - 1])
async def test_a_dropped_frame_is_missing(wire: Wire, number: int) -> None:
    frames = await whole(wire)
    del frames[place(frames, number)]
    await wire.arm({"fault": "drop_frame", "when": {"frame": number}})
    assert heard(await whole(wire)) == heard(frames)


@pytest.mark.parametrize("number", [1, 4, WHOLE - 1])
async def test_a_duplicate_comes_twice(wire: Wire, number: int) -> None:
    frames = await whole(wire)
    i = place(frames, number)
    await wire.arm({"fault": "duplicate", "when": {"frame": number}})
    assert heard(await whole(wire)) == heard([*frames[: i + 1], *frames[i:]])


@pytest.mark.parametrize("number", [1, 4, WHOLE - 1])
async def test_neighbours_change_places(wire: Wire, number: int) -> None:
    frames = await whole(wire)
    i = place(frames, number)
    frames[i], frames[i + 1] = frames[i + 1], frames[i]
    await wire.arm({"fault": "reorder", "when": {"frame": number}})
    assert heard(await whole(wire)) == heard(frames)


@pytest.mark.parametrize(("abort", "code"), [(False, 1000), (True, 1006)])
@pytest.mark.parametrize("number", [1, 4, WHOLE])
async def test_the_socket_ends_in_place_of_a_frame(
    wire: Wire, number: int, abort: bool, code: int
) -> None:
    frames = await whole(wire)
    await wire.arm({"fault": "drop_socket", "when": {"frame": number}, "abort": abort})
    socket = await wire.connect()
    assert heard(await wire.run(noise(), socket)) == heard(frames[: place(frames, number)])
    assert socket.close_code == code
    assert (await wire.ended())["status"]["completed"]


async def test_frames_can_be_chosen_by_type_and_count(wire: Wire) -> None:
    frames = await whole(wire)
    i = [i for i, frame in enumerate(frames) if frame["type"] == "executing"][1]
    await wire.arm({"fault": "drop_frame", "when": {"type": "executing", "nth": 2}})
    assert heard(await whole(wire)) == heard([*frames[:i], *frames[i + 1 :]])


async def test_images_are_frames_too(wire: Wire) -> None:
    await wire.arm({"fault": "drop_frame", "when": {"type": "binary", "prompt_id": "p"}})
    async with await wire.connect() as socket:
        frames = await wire.run(txt2img(steps=3), socket)
    assert [frame["type"] for frame in frames].count("binary") == 2


async def test_a_zombie_stays_open_and_says_nothing(wire: Wire) -> None:
    await wire.arm({"fault": "zombie_socket", "when": {"type": "execution_start"}})
    async with await wire.connect() as zombie:
        await wire.submit(noise())
        await wire.ended()
        first = [await zombie.recv(), await zombie.recv()]
        assert all("status" in str(frame) for frame in first)
        assert await silent(zombie)
        await wire.submit(noise(seed=2), prompt_id="q")
        await wire.ended("q")
        assert await silent(zombie)
    async with await wire.connect() as fresh:
        assert await wire.run(noise(), fresh)


async def test_a_zombie_may_come_back(wire: Wire, time: Time) -> None:
    await wire.arm({"fault": "zombie_socket", "when": {"frame": 5}, "seconds": 30})
    time.stop_after(0)
    async with await wire.connect() as zombie:
        await wire.submit(txt2img())
        await until(lambda: 30 in time.calls)
        time.go_on()
        await told(zombie)  # hangs unless it speaks again before the end


@pytest.mark.parametrize("bug", [True, False])
async def test_the_first_socket_s_end_takes_the_second_along(wire: Wire, bug: bool) -> None:
    if bug:
        await wire.arm({"fault": "reconnect_bug", "when": {"client_id": "me"}})
    first = await wire.connect()
    async with await wire.connect() as second:
        await first.close()
        await wire.submit(noise())
        await wire.ended()
        assert await silent(second) is bug
