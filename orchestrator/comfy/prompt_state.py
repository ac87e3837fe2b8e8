"""One prompt's life on one server: all its transitions, in `PromptState.step`.

Events come from the websocket, where frames may be missing, late or doubled, and from the truth
(`/queue`, `/history`). `step` is pure and total: any event in any state gives a state. The first
end that is known stays; only pictures may still be added to it, those that either side tells later.
Nothing here waits, asks or retries: that is the client's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from orchestrator.comfy.events import (
    CachedNodes,
    Deleted,
    Event,
    Executed,
    Executing,
    Failed,
    Features,
    Gap,
    InQueue,
    Interrupted,
    Missing,
    NodeText,
    Preview,
    Progress,
    PromptEvent,
    Recorded,
    SentImage,
    Started,
    Status,
    Succeeded,
)
from orchestrator.models import ImageRef


class Phase(StrEnum):
    QUEUED = "queued"
    """Sent, and not known to have started."""
    RUNNING = "running"
    OVER = "over"


class End(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    """The server knows nothing of it (any more)."""
    REJECTED = "rejected"
    """The server never took it."""


@dataclass(frozen=True, slots=True)
class OutputImage:
    """A picture that the prompt made. `data` is there if the websocket brought it."""

    ref: ImageRef
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PromptState:
    prompt_id: str
    senders: Mapping[str, str] = field(default_factory=dict)
    """SaveImageWebsocket nodes → the node whose pictures each sends."""
    savers: frozenset[str] = frozenset()
    """Nodes that will tell of saved pictures, if they run."""
    phase: Phase = Phase.QUEUED
    end: End | None = None
    """None also in phase OVER, while only that it is over is known, and not how it ended."""
    node: str | None = None
    """What executes now."""
    cached_nodes: frozenset[str] = frozenset()
    outputs: Mapping[str, tuple[OutputImage, ...]] = field(default_factory=dict)
    failure: Failed | None = None
    """Why it failed; beside a success, why one output was held back."""
    started: float | None = None
    ended: float | None = None
    missed: bool = False
    """Frames may have been missed."""
    recorded: bool = False
    """The history was read."""
    forgotten: bool = False
    """It has ended, and the history does not hold it any more."""
    heard: bool = False
    """The websocket told that it is over, and so all that it had to tell before."""

    @classmethod
    def of(cls, prompt_id: str, graph: Mapping[str, Any], *, missed: bool = False) -> "PromptState":
        """The state of `graph` (API format) just sent, or sent some time ago: `missed`."""
        savers = _nodes(graph, "SaveImage", "PreviewImage")
        return cls(prompt_id, senders=_senders(graph), savers=savers, missed=missed)

    @property
    def settled(self) -> bool:
        """How it ended is known, and so are all its pictures.

        The history may be quicker than the frames, and holds no pictures that they bring. Where
        frames told of fewer pictures than there should be, the history has the last word.
        """
        if self.end is not End.SUCCEEDED:
            return self.end is not None
        looked_up = self.recorded or self.forgotten
        if self.missed:
            return looked_up
        return (self.heard or not self.senders) and (looked_up or self._complete)

    @property
    def images(self) -> tuple[OutputImage, ...]:
        return tuple(image for images in self.outputs.values() for image in images)

    @property
    def cached(self) -> bool:
        """There are pictures, and none is new: every one was kept from an earlier prompt."""
        return bool(self.images) and all(
            self.senders.get(node, node) in self.cached_nodes for node in self.outputs
        )

    @property
    def unsent(self) -> bool:
        """A picture that only the websocket carries went by unheard."""
        absent = any(node not in self.outputs for node in self.senders)
        return absent and (self.missed or not self.outputs)

    @property
    def unknown(self) -> bool:
        """It had pictures that nobody told of, and that nobody will."""
        return self.forgotten and not self._complete

    @property
    def _complete(self) -> bool:
        return bool(self.outputs) and self.savers <= self.outputs.keys()

    def claim(self, event: Event) -> PromptEvent | None:
        """The event as one of this prompt, with prompt and node filled in; None: it is not ours.

        Frames that name no prompt belong to the node that executes now. A picture from a
        SaveImageWebsocket node is a result, any other a preview.
        """
        match event:
            case Status() | Features() | Gap():
                return None
            case Executing(None) | Preview(None) | NodeText(None):
                if self.heard or self.phase is Phase.QUEUED:
                    return None
                event = replace(event, prompt_id=self.prompt_id)
        if event.prompt_id != self.prompt_id:
            return None
        if isinstance(event, Preview):
            node = event.node or self.node
            if node is not None and node in self.senders:
                return SentImage(self.prompt_id, node, event.mime, event.data)
            return replace(event, node=node)
        return event

    def step(self, event: Event) -> "PromptState":
        """The state after `event`; the same state if the event is not ours or says nothing new."""
        if isinstance(event, Gap):
            return self if self.settled else replace(self, missed=True)
        match self.claim(event):
            case Executed(node=node, images=refs) if refs:
                return self._with_outputs(node, tuple(map(OutputImage, refs)))
            case SentImage() as sent:
                return self._with_sent(sent)
            case Started(timestamp=timestamp):
                return replace(self._running(), started=self.started or timestamp)
            case Recorded():
                return replace(self, recorded=True)
            case CachedNodes(nodes=nodes):
                return replace(self._running(), cached_nodes=nodes)
            case Executing(node=None):
                return replace(self, phase=Phase.OVER, node=None, heard=True)
            case Executing(node=node):
                return replace(self._running(), node=node)
            case Missing() if self.end:
                return replace(self, forgotten=True)
            case _ if self.end:
                return self
            case InQueue(running=running):
                return self._running() if running else self
            case Progress() | Executed():
                return self._running()
            case Failed() as failure if failure.blocked:
                return replace(self._running(), failure=failure)
            case Failed() as failure:
                return replace(self._ended(End.FAILED, failure.timestamp), failure=failure)
            case Succeeded(timestamp=timestamp):
                return self._ended(End.SUCCEEDED, timestamp)
            case Interrupted(timestamp=timestamp):
                return self._ended(End.INTERRUPTED, timestamp)
            case Deleted():
                return self._ended(End.INTERRUPTED, None)
            case Missing():
                return replace(self._ended(End.LOST, None), forgotten=True)
        return self

    def _running(self) -> "PromptState":
        return replace(self, phase=Phase.RUNNING) if self.phase is Phase.QUEUED else self

    def _ended(self, end: End, timestamp: float | None) -> "PromptState":
        heard = self.heard or not self.recorded
        return replace(self, phase=Phase.OVER, end=end, ended=timestamp, heard=heard)

    def _with_outputs(self, node: str, images: tuple[OutputImage, ...]) -> "PromptState":
        return replace(self._running(), outputs={**self.outputs, node: images})

    def _with_sent(self, sent: SentImage) -> "PromptState":
        images = self.outputs.get(sent.node, ())
        if any(image.data == sent.data for image in images):  # a doubled frame
            return self
        name = f"{len(images)}.{sent.mime.rpartition('/')[2]}"
        ref = ImageRef(node=sent.node, filename=name, type="websocket")
        return self._with_outputs(sent.node, (*images, OutputImage(ref, sent.data)))


def _nodes(graph: Mapping[str, Any], *classes: str) -> frozenset[str]:
    return frozenset(
        node
        for node, content in graph.items()
        if isinstance(content, Mapping) and content.get("class_type") in classes
    )


def _senders(graph: Mapping[str, Any]) -> dict[str, str]:
    senders = {}
    for node, content in graph.items():
        match content:
            case {"class_type": "SaveImageWebsocket", "inputs": {"images": [str(source), _]}}:
                senders[node] = source
    return senders
