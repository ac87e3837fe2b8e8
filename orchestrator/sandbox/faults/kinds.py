"""The kinds of faults, and when they strike: small typed objects as tests write them in JSON::

    {"fault": "drop_socket", "when": {"frame": 7}}
    {"fault": "bad_gateway", "at": "answer", "times": 2}
    {"fault": "restart", "at": "step", "when": {"step": 3}, "downtime": 2}

`at` is the moment at which it strikes, `when` what must be so at that moment, `times` how often it
strikes (null: always). What a fault does is in `strikes`, `answers` and `lines`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from orchestrator.sandbox.faults.when import HTTP, KNOWN_AT, Model, Moment, When


class _Fault(Model):
    usual: ClassVar[Mapping[str, str]] = {}
    """The request that is meant when `when` names none."""

    fault: str
    at: Moment
    when: When = When()
    times: PositiveInt | None = 1

    @model_validator(mode="before")
    @classmethod
    def _mean_the_usual_request(cls, data: Any) -> Any:
        when = data.get("when", {}) if isinstance(data, dict) else None
        if isinstance(when, dict) and not HTTP & when.keys():
            return {**data, "when": {**cls.usual, **when}}
        return data

    @model_validator(mode="after")
    def _ask_for_what_is_known(self) -> Self:
        if unknown := self.when.named.keys() - KNOWN_AT[self.at]:
            known = ", ".join(sorted(KNOWN_AT[self.at])) or "nothing"
            said = ", ".join(sorted(unknown))
            raise ValueError(f"when.{said} has no meaning at {self.at!r}; known there: {known}")
        return self


# Websockets


class DropSocket(_Fault):
    """The socket closes in place of this frame; with `abort` without a close frame."""

    fault: Literal["drop_socket"]
    at: Literal["frame"] = "frame"
    abort: bool = False


class ZombieSocket(_Fault):
    """The socket stays open and loses everything from this frame on, for `seconds` or for ever."""

    fault: Literal["zombie_socket"]
    at: Literal["frame"] = "frame"
    seconds: PositiveFloat | None = None


class DropFrame(_Fault):
    fault: Literal["drop_frame"]
    at: Literal["frame"] = "frame"


class Duplicate(_Fault):
    """The frame is sent twice."""

    fault: Literal["duplicate"]
    at: Literal["frame"] = "frame"


class Reorder(_Fault):
    """The frame is sent after the one that follows it."""

    fault: Literal["reorder"]
    at: Literal["frame"] = "frame"


class ReconnectBug(_Fault):
    """ComfyUI issue 16010: when a socket closes whose client id another one has meanwhile, that
    other one stays open and hears nothing more."""

    fault: Literal["reconnect_bug"]
    at: Literal["replaced"] = "replaced"


# Any HTTP exchange, `POST /prompt` unless `when` names another


class HttpFault(_Fault):
    usual: ClassVar = {"method": "POST", "path": "/prompt"}


class NeverAnswer(HttpFault):
    fault: Literal["never_answer"]
    at: Literal["request", "answer"] = "request"


class AnswerLate(HttpFault):
    fault: Literal["answer_late"]
    at: Literal["request", "answer"] = "answer"
    seconds: PositiveFloat


class Reset(HttpFault):
    """The connection is reset instead of an answer."""

    fault: Literal["reset"]
    at: Literal["request", "answer"] = "answer"


class BadGateway(HttpFault):
    """A proxy's HTML page; at `answer` the server has done the work nevertheless."""

    fault: Literal["bad_gateway"]
    at: Literal["request", "answer"] = "request"
    status: Literal[502, 503, 504] = 502


class AnswerTwice(HttpFault):
    """The bytes of the answer come twice."""

    fault: Literal["answer_twice"]
    at: Literal["answer"] = "answer"


class RepeatRequest(HttpFault):
    """A proxy hands the request to the server twice: a prompt is queued twice."""

    fault: Literal["repeat_request"]
    at: Literal["request"] = "request"


# The bytes of an answer, those of `GET /view` unless `when` names another


class ImageFault(HttpFault):
    usual: ClassVar = {"method": "GET", "path": "/view"}

    at: Literal["answer"] = "answer"


class TruncatedImage(ImageFault):
    """Only a part of it. Announced `full`, the connection ends too early; announced as it is
    (`part`), the file itself is broken."""

    fault: Literal["truncated_image"]
    keep: float = Field(0.5, gt=0, lt=1)
    announced: Literal["full", "part"] = "full"


class EnormousImage(ImageFault):
    """The image and then zeros, `size` bytes in all, announced or simply sent."""

    fault: Literal["enormous_image"]
    size: PositiveInt = 1024**3
    announced: bool = True


class SlowDrip(ImageFault):
    """`chunk` bytes at a time, `seconds` apart."""

    fault: Literal["slow_drip"]
    chunk: PositiveInt = 1024
    seconds: PositiveFloat = 1.0


class WrongContentType(ImageFault):
    fault: Literal["wrong_content_type"]
    content_type: str = "text/plain"


class HtmlInsteadOfImage(ImageFault):
    """A proxy's page under status 200, as of one that wants a login."""

    fault: Literal["html_instead_of_image"]


class NotFound(ImageFault):
    fault: Literal["not_found"]


# The prompt that runs


class OutOfMemory(_Fault):
    fault: Literal["out_of_memory"]
    at: Literal["node", "step"] = "step"


class NodeError(_Fault):
    fault: Literal["node_error"]
    at: Literal["node", "step"] = "node"
    message: str = "the node failed on demand"


class HistoryLate(_Fault):
    """The prompt stays in the queue and out of the history for so long after its end was told."""

    fault: Literal["history_late"]
    at: Literal["ended"] = "ended"
    seconds: PositiveFloat


# The server and its other clients, at once unless `at` names another moment

_Anytime = Literal["request", "answer", "node", "step", "ended", "now"]


class InterruptByOther(_Fault):
    """Another client interrupts what runs."""

    fault: Literal["interrupt_by_other"]
    at: _Anytime = "step"


class ForeignPrompts(_Fault):
    """Another client queues `count` prompts of so many sampler steps."""

    fault: Literal["foreign_prompts"]
    at: _Anytime = "now"
    count: PositiveInt = 1
    steps: PositiveInt = 2


class ForgetQueue(_Fault):
    """All pending prompts are gone."""

    fault: Literal["forget_queue"]
    at: _Anytime = "now"


class Restart(_Fault):
    """The server dies with all its connections, and comes back on the same port with an empty queue
    after `downtime` seconds, in which it refuses connections or a proxy answers 503."""

    fault: Literal["restart"]
    at: _Anytime = "now"
    downtime: float = Field(0.0, ge=0)
    while_down: Literal["refuse", "503"] = "refuse"
    keep_history: bool = False


class ClockJump(_Fault):
    """The server's clock, from which its timestamps come, jumps by so many seconds."""

    fault: Literal["clock_jump"]
    at: _Anytime = "now"
    seconds: float


Fault = (
    DropSocket | ZombieSocket | DropFrame | Duplicate | Reorder | ReconnectBug
    | NeverAnswer | AnswerLate | Reset | BadGateway | AnswerTwice | RepeatRequest
    | TruncatedImage | EnormousImage | SlowDrip | WrongContentType | HtmlInsteadOfImage | NotFound
    | OutOfMemory | NodeError | HistoryLate
    | InterruptByOther | ForeignPrompts | ForgetQueue | Restart | ClockJump
)  # fmt: skip

_FAULTS: Final = TypeAdapter(list[Annotated[Fault, Field(discriminator="fault")]])


def read(text: str | bytes) -> list[Fault]:
    """Faults from a JSON list. Raises ValueError: one line that says where and what."""
    try:
        return _FAULTS.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["faults", *(str(part) for part in first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {message}") from error
