import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.comfy.events import (
    CachedNodes,
    Deleted,
    Event,
    Executed,
    Executing,
    Failed,
    Gap,
    InQueue,
    Interrupted,
    Missing,
    NodeText,
    Preview,
    Progress,
    Recorded,
    SentImage,
    Started,
    Status,
    Succeeded,
)
from orchestrator.comfy.frames import decode
from orchestrator.comfy.messages import read_history
from orchestrator.comfy.prompt_state import End, Phase, PromptState
from orchestrator.models import ImageRef

WEBSOCKET_GRAPH = {
    "8": {"class_type": "VAEDecode", "inputs": {}},
    "9": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}},
}
FILE = ImageRef(node="7", filename="a_00001_.png")

ids = st.sampled_from(["ours", "theirs"])
maybe_ids = ids | st.none()
nodes = st.sampled_from(["3", "8", "9"])
times = st.none() | st.floats(0, 1e9)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Status, st.integers()),
    st.builds(Gap),
    st.builds(Started, ids, times),
    st.builds(CachedNodes, ids, st.frozensets(nodes)),
    st.builds(Executing, maybe_ids, nodes | st.none()),
    st.builds(Progress, ids, nodes, st.just(1.0), st.just(4.0)),
    st.builds(Executed, ids, nodes, st.sampled_from([(), (FILE,)])),
    st.builds(Succeeded, ids, times),
    st.builds(Interrupted, ids, nodes, times),
    st.builds(Failed, ids, nodes, st.text(), st.sampled_from(["X", "ExecutionBlocked"]), st.text()),
    st.builds(Preview, maybe_ids, nodes | st.none(), st.just("image/png"), st.binary(max_size=1)),
    st.builds(NodeText, maybe_ids, nodes, st.text()),
    st.builds(SentImage, ids, nodes, st.just("image/png"), st.binary(max_size=1)),
    st.builds(InQueue, ids, st.booleans()),
    st.builds(Recorded, ids),
    st.builds(Missing, ids),
    st.builds(Deleted, ids),
)


def after(*steps: Event, graph: dict[str, Any] = WEBSOCKET_GRAPH) -> PromptState:
    state = PromptState.of("ours", graph)
    for event in steps:
        state = state.step(event)
    return state


def played(run: Any) -> PromptState:
    state = PromptState.of(run.prompt_id, run.graph)
    for frame in run.frames:
        if event := decode(frame):
            state = state.step(event)
    return state


@pytest.mark.parametrize("name", ["ksampler", "ksampler_plain"])
def test_a_recorded_run(recording: Callable[[str], Any], name: str) -> None:
    state = played(recording(name))
    assert (state.phase, state.end) == (Phase.OVER, End.SUCCEEDED)
    assert state.settled
    assert [image.ref.node for image in state.images] == ["9"]
    assert not state.cached
    assert state.started is not None
    assert state.ended is not None
    assert 5 < state.ended - state.started < 20


def test_a_recorded_cached_run(recording: Callable[[str], Any]) -> None:
    state = played(recording("cached"))
    assert state.end is End.SUCCEEDED
    assert state.images
    assert state.cached


@pytest.mark.parametrize("name", ["websocket_batch", "websocket_batch_plain"])
def test_recorded_websocket_images_are_results(recording: Callable[[str], Any], name: str) -> None:
    state = played(recording(name))
    assert state.settled
    assert [image.ref.filename for image in state.images] == ["0.png", "1.png", "2.png"]
    assert all(image.data and image.data.startswith(b"\x89PNG") for image in state.images)


@pytest.mark.parametrize(
    ("name", "end"), [("interrupted", End.INTERRUPTED), ("exception", End.FAILED)]
)
def test_recorded_bad_ends(recording: Callable[[str], Any], name: str, end: End) -> None:
    assert played(recording(name)).end is end


@pytest.mark.parametrize(
    "name", ["ksampler", "cached", "websocket_batch", "interrupted", "exception"]
)
def test_the_history_tells_the_same_as_the_frames(
    recording: Callable[[str], Any], name: str
) -> None:
    run = recording(name)
    heard = played(run)
    state = PromptState.of(run.prompt_id, run.graph, missed=True)
    for event in read_history(run.prompt_id, run.history):
        state = state.step(event)
    assert state.settled
    assert (state.end, state.failure) == (heard.end, heard.failure)
    assert (state.started, state.ended) == (heard.started, heard.ended)
    if name == "websocket_batch":
        assert state.unsent
        assert not state.images
    else:
        assert (state.images, state.cached) == (heard.images, heard.cached)


def test_a_preview_is_no_result() -> None:
    state = after(Executing("ours", "3"), Preview(None, None, "image/jpeg", b"x"))
    assert not state.images


def test_a_frame_without_a_prompt_belongs_to_the_node_that_executes() -> None:
    running = after(Executing("ours", "9"))
    sent = SentImage("ours", "9", "image/png", b"x")
    assert running.claim(Preview(None, None, "image/png", b"x")) == sent
    assert after().claim(Preview(None, None, "image/png", b"x")) is None
    assert running.claim(Executing(None, "3")) == Executing("ours", "3")


def test_websocket_images_of_a_cached_source_are_old() -> None:
    sent = Preview("ours", "9", "image/png", b"x")
    assert after(CachedNodes("ours", frozenset({"8"})), sent).cached
    assert not after(CachedNodes("ours", frozenset({"3"})), sent).cached


def test_a_doubled_frame_counts_once() -> None:
    sent = Preview("ours", "9", "image/png", b"x")
    assert len(after(sent, sent, Preview("ours", "9", "image/png", b"y")).images) == 2


def test_success_is_enough_when_all_was_heard_and_else_needs_the_history() -> None:
    heard = after(Executed("ours", "7", (FILE,)), Succeeded("ours"))
    assert heard.settled
    silent = after(Gap(), Succeeded("ours"))
    assert not silent.settled
    state = silent.step(Recorded("ours")).step(Executed("ours", "7", (FILE,)))
    assert state.settled
    assert [image.ref for image in state.images] == [FILE]


def test_a_success_without_all_pictures_needs_the_history() -> None:
    graph = {"7": {"class_type": "SaveImage"}, "8": {"class_type": "PreviewImage"}}
    assert not after(Succeeded("ours"), graph={}).settled
    half = after(Executed("ours", "7", (FILE,)), Succeeded("ours"), graph=graph)
    assert not half.settled
    assert half.step(Recorded("ours")).settled
    assert half.step(Executed("ours", "8", (FILE,))).settled
    forgotten = half.step(Missing("ours"))
    assert (forgotten.end, forgotten.settled, forgotten.unknown) == (End.SUCCEEDED, True, True)


def test_the_history_is_not_taken_for_the_pictures_that_frames_bring() -> None:
    told = after(Recorded("ours"), Succeeded("ours"))
    assert (told.end, told.settled) == (End.SUCCEEDED, False)
    picture = Preview("ours", "9", "image/png", b"x")
    done = told.step(picture).step(Succeeded("ours")).step(Executing("ours", None))
    assert done.settled
    assert len(done.images) == 1
    given_up = told.step(Gap())
    assert given_up.settled
    assert given_up.unsent
    assert after(Recorded("ours"), Succeeded("ours"), graph={}).settled


def test_over_without_a_known_end_is_not_settled() -> None:
    state = after(Executing("ours", "3"), Executing("ours", None))
    assert (state.phase, state.end, state.settled) == (Phase.OVER, None, False)
    assert state.step(Interrupted("ours")).end is End.INTERRUPTED
    assert state.step(Missing("ours")).end is End.LOST


def test_a_blocked_output_does_not_end_the_prompt() -> None:
    state = after(Failed("ours", "3", "Switch", "ExecutionBlocked", "off"))
    assert state.phase is Phase.RUNNING
    assert state.step(Succeeded("ours")).end is End.SUCCEEDED


def test_what_we_deleted_is_interrupted_and_not_lost() -> None:
    assert after(Deleted("ours"), Missing("ours")).end is End.INTERRUPTED


def test_seen_in_the_queue() -> None:
    assert after(InQueue("ours", running=False)).phase is Phase.QUEUED
    assert after(InQueue("ours", running=True)).phase is Phase.RUNNING
    assert after(Started("ours"), InQueue("ours", running=False)).phase is Phase.RUNNING


@given(st.lists(events, max_size=12))
def test_any_events_in_any_order_keep_the_promises(steps: list[Event]) -> None:
    state = after()
    for event in steps:
        before, state = state, state.step(event)
        assert (state.end is None) or (state.phase is Phase.OVER)
        if before.end:
            assert (state.end, state.failure, state.ended) == (
                before.end,
                before.failure,
                before.ended,
            )
            assert len(state.images) >= len(before.images)
        if before.settled:
            assert state.settled
        if before.phase is Phase.OVER:
            assert state.phase is Phase.OVER
        if getattr(event, "prompt_id", None) == "theirs":
            assert state is before
            assert before.claim(event) is None


@given(st.lists(events, max_size=8), events)
def test_the_same_event_twice_in_a_row_changes_nothing_more(
    steps: list[Event], event: Event
) -> None:
    once = after(*steps, event)
    assert once.step(event) == once


def test_json_numbers_as_ids_are_not_taken_for_ours() -> None:
    frame = json.dumps({"type": "execution_success", "data": {"prompt_id": 3}})
    assert decode(frame) is None
