"""Arming and disarming, and what is said of faults that make no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.faults.when import When
from tests.unit.sandbox.driver import noise
from tests.unit.sandbox.faults.wire import Wire

DROP: dict[str, Any] = {"fault": "drop_frame", "when": {"type": "executing"}}


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("{}", "faults: Input should be a valid array"),
        ("[", "faults: Invalid JSON: EOF while parsing a list at line 1 column 1"),
        ('[{"fault": "drop_frame"}, {"fault": "reset", "time": 1}]',
         "faults.1.reset.time: Extra inputs are not permitted"),
        ('[{"fault": "drop_frame", "when": {"frame": 0}}]',
         "faults.0.drop_frame.when.frame: Input should be greater than 0"),
        ('[{"fault": "drop_frame", "at": "answer"}]',
         "faults.0.drop_frame.at: Input should be 'frame'"),
        ('[{"fault": "answer_late"}]', "faults.0.answer_late.seconds: Field required"),
        ('[{"fault": "drop_frame", "when": {"path": "/view"}}]',
         "faults.0.drop_frame: when.path has no meaning at 'frame'; "
         "known there: client_id, frame, prompt_id, type"),
        ('[{"fault": "restart", "when": {"step": 1}}]',
         "faults.0.restart: when.step has no meaning at 'now'; known there: nothing"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_in_one_line(wire: Wire, body: str, line: str) -> None:
    answer = await wire.http.post("/_sandbox/faults", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": line})
    assert await wire.get("/_sandbox/faults") == {"armed": [], "used_up": []}


async def test_an_unknown_kind_is_told_those_there_are(wire: Wire) -> None:
    answer = await wire.http.post("/_sandbox/faults", json=[{"fault": "flood"}])
    line = answer.json()["error"]
    assert line.startswith("faults.0: Input tag 'flood' found using 'fault'")
    assert "'drop_socket'" in line
    assert "\n" not in line


async def test_faults_are_used_up(wire: Wire) -> None:
    await wire.arm({**DROP, "times": 2}, {"fault": "not_found"})
    drop, not_found = (await wire.get("/_sandbox/faults"))["armed"]
    assert drop == {**DROP, "when": {**DROP["when"], "nth": 1}, "at": "frame", "times": 2,
                    "struck": 0}  # fmt: skip
    async with await wire.connect() as socket:
        frames = await wire.run(noise(), socket)
    assert [frame["type"] for frame in frames].count("executing") == 2
    assert await wire.get("/_sandbox/faults") == {
        "armed": [not_found],
        "used_up": [{**drop, "struck": 2}],
    }
    struck = await wire.events("fault")
    assert [(entry["fault"], entry["at"], entry["frame"]) for entry in struck] == [
        ("drop_frame", "frame", 4),
        ("drop_frame", "frame", 7),
    ]


async def test_without_a_number_of_times_a_fault_strikes_always(wire: Wire) -> None:
    await wire.arm({"fault": "not_found", "when": {"path": "/queue"}, "times": None})
    for _ in range(3):
        assert (await wire.http.get("/api/queue")).status_code == 404
    assert (await wire.get("/_sandbox/faults"))["armed"][0]["struck"] == 3


async def test_disarmed_faults_strike_no_more(wire: Wire) -> None:
    await wire.arm({"fault": "not_found", "when": {"path": "/queue"}})
    assert (await wire.http.delete("/_sandbox/faults")).json() == {"armed": [], "used_up": []}
    assert (await wire.http.get("/queue")).status_code == 200


async def test_requests_are_noted_with_their_times(wire: Wire) -> None:
    await wire.http.get("/queue")
    await wire.submit(noise())
    await wire.get("/_sandbox/log")
    asked = await wire.get("/_sandbox/requests")
    assert [(entry["method"], entry["path"]) for entry in asked] == [
        ("GET", "/queue"),
        ("POST", "/prompt"),
    ]
    assert asked[0]["time"] <= asked[1]["time"]


CONTEXT: dict[str, Any] = {"path": "/history/p", "method": "GET", "frame": 3, "type": None}


@given(st.fixed_dictionaries({}, optional={
    "path": st.sampled_from(["/history/p", "/history/*", "/view", "*"]),
    "method": st.sampled_from(["GET", "POST"]),
    "frame": st.integers(1, 4),
    "type": st.sampled_from(["status", "*"]),
}))  # fmt: skip
def test_all_that_is_named_must_hold(named: dict[str, Any]) -> None:
    true: dict[str, Any] = {
        "path": {"/history/p", "/history/*", "*"},
        "method": {"GET"},
        "frame": {3},
        "type": (),
    }
    assert When(**named).holds(CONTEXT) is all(value in true[name] for name, value in named.items())
