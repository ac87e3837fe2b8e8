import pytest

from orchestrator.comfy.events import (
    Event,
    Executed,
    Failed,
    Gap,
    Interrupted,
    Missing,
    Recorded,
    Started,
    Succeeded,
)
from orchestrator.comfy.explain import Explainer
from orchestrator.comfy.outcome import Outcome, conclude
from orchestrator.comfy.prompt_state import End, PromptState
from orchestrator.models import ImageRef

GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {}},
    "9": {"class_type": "SaveImage", "inputs": {}},
}
SENDER = {"9": {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}}}
EXPLAINER = Explainer("http://h", GRAPH, {})


def outcome(*events: Event, graph: object = GRAPH) -> Outcome:
    assert isinstance(graph, dict)
    state = PromptState.of("p", graph)
    for event in events:
        state = state.step(event)
    return conclude(state, EXPLAINER, dropped=("one",), seconds=7.0)


def test_success() -> None:
    image = ImageRef(node="9", filename="a.png")
    done = outcome(Started("p", 10.0), Executed("p", "9", (image,)), Succeeded("p", 12.5))
    assert (done.ending, done.error, done.dropped) == (End.SUCCEEDED, "", ("one",))
    assert [image.ref for image in done.images] == [image]
    assert done.seconds == 2.5


def test_seconds_are_ours_where_the_server_has_none() -> None:
    assert outcome(Succeeded("p")).seconds == 7.0
    assert outcome(Started("p", 10.0), Succeeded("p", 9.0)).seconds == 0.0


def test_failure() -> None:
    done = outcome(Failed("p", "3", "KSampler", "torch.OutOfMemoryError", "too big"))
    assert done.ending is End.FAILED
    assert done.error == "KSampler #3 ran out of memory on http://h: too big"
    assert done.out_of_memory


def test_a_blocked_output_is_told_beside_the_success() -> None:
    blocked = Failed("p", "3", "KSampler", "ExecutionBlocked", "off")
    done = outcome(blocked, Succeeded("p"))
    assert (done.ending, done.error) == (End.SUCCEEDED, "")
    assert done.dropped == ("one", "KSampler #3 gave no output: off")


def test_interrupted() -> None:
    assert outcome(Interrupted("p")).ending is End.INTERRUPTED


def test_lost() -> None:
    done = outcome(Missing("p"))
    assert done.ending is End.LOST
    assert done.error == "http://h knows nothing of prompt p (any more)"


def test_a_websocket_picture_that_nobody_heard_is_lost() -> None:
    done = outcome(Gap(), Recorded("p"), Succeeded("p"), graph=SENDER)
    assert done.ending is End.LOST
    assert done.error == "http://h sent the picture while the websocket was down"


def test_pictures_that_the_server_forgot_are_lost() -> None:
    done = outcome(Gap(), Succeeded("p"), Missing("p"))
    assert done.ending is End.LOST
    assert done.error == "http://h no longer knows what prompt p made"


def test_there_is_no_outcome_before_the_end() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        outcome(Started("p"))
