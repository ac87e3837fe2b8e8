"""What a run tells whoever watches: typed events, told synchronously and cheap to ignore."""

from collections.abc import Callable
from typing import Literal

from orchestrator.models import Attempt, Ending, Noun


class AttemptStarted(Noun):
    event: Literal["attempt_started"] = "attempt_started"
    attempt: Attempt


class AttemptStep(Noun):
    """The sampler has done `step` of `steps`."""

    event: Literal["attempt_step"] = "attempt_step"
    number: int
    step: int
    steps: int


class AttemptEnded(Noun):
    event: Literal["attempt_ended"] = "attempt_ended"
    attempt: Attempt


class Waiting(Noun):
    """A server or the scorer does not answer and is waited for; told again as the message changes.

    `on` is its URL, `message` one line for people.
    """

    event: Literal["waiting"] = "waiting"
    on: str
    message: str


class Resumed(Noun):
    """What was waited for answers again."""

    event: Literal["resumed"] = "resumed"
    on: str


class TargetEnded(Noun):
    event: Literal["target_ended"] = "target_ended"
    target_id: str
    ending: Ending


RunEvent = AttemptStarted | AttemptStep | AttemptEnded | Waiting | Resumed | TargetEnded
Watch = Callable[[RunEvent], None]
