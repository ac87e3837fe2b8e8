"""When a fault strikes: the moments at which the sandbox asks, and what can be asked of each."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, PositiveInt

Moment = Literal["request", "answer", "frame", "replaced", "node", "step", "ended", "now"]

HTTP: Final = frozenset({"method", "path"})
_PROMPT: Final = frozenset({"client_id", "prompt_id"})
_NODE: Final = _PROMPT | {"node", "class_type", "step"}
KNOWN_AT: Final[Mapping[Moment, frozenset[str]]] = {
    "request": HTTP,  # before the server has seen it
    "answer": HTTP,  # when the work is done, before the answer goes out
    "frame": _PROMPT | {"type", "frame"},
    "replaced": frozenset({"client_id"}),  # a socket closes after another took its client id
    "node": _NODE,  # before a node runs
    "step": _NODE,  # after a sampler step, before its progress is told
    "ended": _NODE,  # a prompt's end was told, and is not in the history yet
    "now": frozenset(),  # as soon as the fault is armed
}
"""The moments, and what `when` can ask about at each."""


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(Model):
    """What must be so; all that is named must hold. Texts may have wildcards (`/history/*`)."""

    method: str | None = None
    path: str | None = None
    """Without `/api`."""
    client_id: str | None = None
    prompt_id: str | None = None
    type: str | None = None
    """Of a frame; `binary` for images."""
    frame: PositiveInt | None = None
    """The frame's place among those about its prompt on this socket; the first is 1."""
    node: str | None = None
    class_type: str | None = None
    step: PositiveInt | None = None
    """Sampler steps that the prompt has done, all its nodes together."""
    nth: PositiveInt = 1
    """Strike from the nth time on that all the rest holds."""

    @property
    def named(self) -> dict[str, str | int]:
        return self.model_dump(exclude_none=True, exclude={"nth"})

    def holds(self, context: Mapping[str, object]) -> bool:
        return all(_agrees(wanted, context.get(name)) for name, wanted in self.named.items())


def _agrees(wanted: str | int, value: object) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and fnmatchcase(value, wanted)
    return value == wanted
