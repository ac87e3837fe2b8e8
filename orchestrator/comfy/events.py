"""What can be learnt about a prompt on a ComfyUI server, as frozen events.

Most come over the websocket (`frames`), some from looking into `/queue` and `/history`
(`messages`). What they mean for a prompt is in `prompt_state`.
"""

from dataclasses import dataclass

from orchestrator.models import ImageRef


@dataclass(frozen=True, slots=True)
class Status:
    """The server's greeting (with `sid`) and every change of its queue. Belongs to no prompt."""

    queue_remaining: int | None
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """The server's answer to what we asked for. Belongs to no prompt."""

    names_previews: bool
    """Pictures of our prompts name their prompt and node; those that don't are of others'."""


@dataclass(frozen=True, slots=True)
class Started:
    prompt_id: str
    timestamp: float | None = None
    """Server's clock, seconds since the epoch, here and below."""


@dataclass(frozen=True, slots=True)
class CachedNodes:
    """These nodes will not run: their results are kept from an earlier prompt."""

    prompt_id: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Executing:
    """`node` runs now; None: the prompt is over and its history is written.

    `prompt_id` is None in what a server re-sends to a client that connects again.
    """

    prompt_id: str | None
    node: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    prompt_id: str
    node: str | None
    value: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Executed:
    """An output node is done, now or (for a cached one) earlier."""

    prompt_id: str
    node: str
    images: tuple[ImageRef, ...]


@dataclass(frozen=True, slots=True)
class Succeeded:
    prompt_id: str
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    prompt_id: str
    node: str | None = None
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A node raised. Its inputs and traceback are left out: they may hold secrets."""

    prompt_id: str
    node: str | None
    node_type: str
    exception_type: str
    message: str
    timestamp: float | None = None

    @property
    def blocked(self) -> bool:
        """An output was held back on purpose; the rest of the prompt goes on."""
        return self.exception_type == "ExecutionBlocked"

    @property
    def out_of_memory(self) -> bool:
        name, text = self.exception_type.lower(), self.message.lower()
        return "outofmemory" in name or "out of memory" in text or "allocation on device" in text


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture in a binary frame. Older servers name neither prompt nor node."""

    prompt_id: str | None
    node: str | None
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class NodeText:
    """Text that a node shows while it runs."""

    prompt_id: str | None
    node: str
    text: str


@dataclass(frozen=True, slots=True)
class SentImage:
    """A result sent over the websocket by SaveImageWebsocket; kept nowhere on the server."""

    prompt_id: str
    node: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class InQueue:
    """Seen in `/queue`."""

    prompt_id: str
    running: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """Seen in `/history`: the outputs that follow are all there are."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """In neither `/queue` nor `/history`."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """Taken out of the queue by us before it ran."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class Gap:
    """The websocket was down: what was sent meanwhile is gone. Concerns every prompt."""


PromptEvent = (
    Started
    | CachedNodes
    | Executing
    | Progress
    | Executed
    | Succeeded
    | Interrupted
    | Failed
    | Preview
    | NodeText
    | SentImage
    | InQueue
    | Recorded
    | Missing
    | Deleted
)
Event = PromptEvent | Status | Features | Gap
