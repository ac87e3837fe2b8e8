"""A ComfyUI as a state machine: queue, running prompt, history, websocket sessions.

It follows the real one in what a driver can see: no check of doubled ids, success told before the
history is written, interrupts only at steps, the session lost when an old socket closes late. What
goes wrong on the way to it is in `wire`; what it remembers of all it did, in `truth`.
"""

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.simulation import graphs
from tests.simulation.truth import Truth


class Clock(Protocol):
    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Any: ...


@dataclass(eq=False)
class Session:
    """The server's end of a websocket."""

    client_id: str
    deliver: Callable[[str | bytes], None]
    metadata: bool = False


@dataclass(frozen=True, eq=False)
class Prompt:
    id: str
    graph: Mapping[str, Any]
    client_id: str | None = None
    number: int = 0


@dataclass
class Habits:
    """How this server works, in seconds."""

    step: float = 1.0
    load: float = 0.0
    """Silence before the first step."""
    success_to_history: float = 0.0
    """Still in the queue as running."""
    queue_to_history: float = 0.0
    """In neither."""
    trouble: Mapping[int, str] = field(default_factory=dict)
    """Number of a run → `error` or `oom`."""


class SimServer:
    def __init__(
        self, clock: Clock, truth: Truth, habits: Habits | None = None, name: str = ""
    ) -> None:
        self._clock = clock
        self.name = name
        self.truth = truth
        self.habits = habits or Habits()
        self.up = True
        self.boot = 0
        """Counts restarts: what was under way before one is gone."""
        self.running: Prompt | None = None
        self.pending: list[Prompt] = []
        self.history: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.sessions: dict[str, Session] = {}
        self.classes: dict[str, Any] = {}
        """What `/object_info` tells; nothing: it is not told."""
        self._node: str | None = None
        self._interrupt = False
        self._made: dict[str, dict[str, Any]] = {}
        """Graph → its outputs, for graphs that come again."""
        self._runs = 0

    # --- what comes in ---------------------------------------------------------------------

    def submit(self, prompt_id: str, graph: Mapping[str, Any], client_id: str | None) -> None:
        self.truth.note(f"server: {prompt_id} queued")
        fate = self.truth.fates[prompt_id]
        fate.arrived.append(self._clock.time())
        fate.server, fate.graph = self.name, graphs.key(graph)
        self.pending.append(Prompt(prompt_id, graph, client_id, len(self.truth.fates)))
        self._status()
        if self.running is None:
            self._next()

    def delete(self, prompt_ids: list[str]) -> None:
        gone = [prompt for prompt in self.pending if prompt.id in prompt_ids]
        self.pending = [prompt for prompt in self.pending if prompt not in gone]
        for prompt in gone:
            self.truth.note(f"server: {prompt.id} deleted")
            self.truth.fates[prompt.id].deleted = True
        if gone:
            self._status()

    def interrupt(self, prompt_id: str | None = None) -> None:
        if self.running and prompt_id in (None, self.running.id):
            self._interrupt = True

    def open(self, session: Session) -> None:
        self.sessions[session.client_id] = session
        self._status(session, sid=session.client_id)
        if self.running and self.running.client_id == session.client_id and self._node:
            self._send(session, "executing", node=self._node)

    def first_message(self, session: Session) -> None:
        """Asks for names on pictures."""
        session.metadata = True
        self._send(session, "feature_flags", supports_preview_metadata=True)

    def closed(self, session: Session) -> None:
        """As in the real one: whoever has the name now loses it."""
        self.sessions.pop(session.client_id, None)

    def restart(self, downtime: float, *, queue: bool, history: bool) -> None:
        """Down, and up again after `downtime`. `queue` and `history`: whether they are kept."""
        about = f"{self.name} restarts for {downtime:.1f} s ({queue=}, {history=})"
        self.truth.fault(about, self.name)
        self.up = False
        self.sessions.clear()
        if not queue:
            self.boot += 1
            for prompt in filter(None, (self.running, *self.pending)):
                self.truth.fates[prompt.id].forgotten = True
            self.running, self.pending, self._node, self._interrupt = None, [], None, False
            self._made.clear()
        if not history:
            for prompt_id in self.history:
                self.truth.fates[prompt_id].forgotten = True
            self.history.clear()
        self._clock.call_later(downtime, self._started)

    def _started(self) -> None:
        self.up = True
        self.truth.fault(f"{self.name} is up again", self.name)

    # --- what is run -----------------------------------------------------------------------

    def _next(self) -> None:
        if self.pending:
            prompt = self.running = self.pending.pop(0)
            self._interrupt = False
            self._status()
            self._advance(self._run(prompt), self.boot)

    def _advance(self, run: Iterator[float], boot: int) -> None:
        if boot != self.boot:
            return
        delay = next(run, None)
        if delay is not None:
            self._clock.call_later(delay, self._advance, run, boot)

    def _run(self, prompt: Prompt) -> Iterator[float]:
        """Yields how long each part takes."""
        fate = self.truth.fates[prompt.id]
        fate.started.append(self._clock.time())
        self.truth.note(f"server: {prompt.id} starts")
        self._runs += 1
        trouble = self.habits.trouble.get(self._runs, "")
        messages = [self._tell(prompt, "execution_start", timestamp=self._milliseconds())]
        key = json.dumps(prompt.graph, sort_keys=True)
        made = self._made.get(key, {})
        fate.cached = bool(made)
        cached = sorted(prompt.graph) if made else []
        messages.append(self._tell(prompt, "execution_cached", nodes=cached))
        for node, output in made.items():
            self._executed(prompt, node, output)
        outputs: dict[str, Any] = dict(made)
        if not made:
            yield self.habits.load
            sampler, steps = graphs.sampler(prompt.graph)
            self._node = sampler
            self._tell(prompt, "executing", node=sampler)
            for step in range(steps):
                yield self.habits.step
                if self._interrupt or (trouble and step == steps // 2):
                    end = "execution_interrupted" if self._interrupt else "execution_error"
                    yield from self._finish(prompt, end, outputs, messages, trouble)
                    return
                self._tell(prompt, "progress", node=sampler, value=step + 1, max=steps)
                self._picture(prompt, sampler, b"preview")
            for node in graphs.outputs(prompt.graph):
                self._node = node
                self._tell(prompt, "executing", node=node)
                if output := self._save(prompt, node):
                    outputs[node] = output
                    self._executed(prompt, node, output)
            if outputs:
                self._made[key] = outputs
        yield from self._finish(prompt, "execution_success", outputs, messages)

    def _finish(
        self,
        prompt: Prompt,
        end: str,
        outputs: Mapping[str, Any],
        messages: list[Any],
        trouble: str = "",
    ) -> Iterator[float]:
        fate = self.truth.fates[prompt.id]
        fate.end, fate.out_of_memory = end.removeprefix("execution_"), trouble == "oom"
        fate.ended = self._clock.time()
        self.truth.note(f"server: {prompt.id} ends with {fate.end}")
        about: dict[str, Any] = {"timestamp": self._milliseconds()}
        if end == "execution_error":
            kind = "torch.OutOfMemoryError" if trouble == "oom" else "ValueError"
            about |= {"node_id": "3", "node_type": "KSampler", "exception_type": kind}
            about |= {"exception_message": "does not fit" if trouble == "oom" else "bad value"}
        messages.append(self._tell(prompt, end, **about))
        self._node = None
        yield self.habits.success_to_history
        entry = {
            "prompt": [prompt.number, prompt.id, prompt.graph, {}, []],
            "outputs": outputs,
            "status": {
                "status_str": "success" if fate.end == "success" else "error",
                "completed": fate.end == "success",
                "messages": messages,
            },
            "meta": {},
        }
        self.running = None
        if self.habits.queue_to_history:
            self._clock.call_later(self.habits.queue_to_history, self._record, prompt, entry)
        else:
            self._record(prompt, entry)
        self._status()
        self._tell(prompt, "executing", node=None)
        self._next()

    def _record(self, prompt: Prompt, entry: Mapping[str, Any]) -> None:
        if not self.truth.fates[prompt.id].forgotten:
            self.history[prompt.id] = entry

    def _save(self, prompt: Prompt, node: str) -> dict[str, Any]:
        fate, saver = self.truth.fates[prompt.id], prompt.graph[node]["class_type"] in graphs.SAVERS
        items = []
        for index in range(graphs.batch(prompt.graph)):
            data = graphs.png(prompt.id, prompt.graph, node, index)
            if not saver:
                self._picture(prompt, node, data)
                fate.sent.append(data)
                continue
            name = f"ComfyUI_{len(self.files):05}_.png"
            self.files[name] = fate.files[node, name] = data
            items.append({"filename": name, "subfolder": "", "type": "output"})
        return {"images": items} if items else {}

    # --- what goes out ---------------------------------------------------------------------

    def _executed(self, prompt: Prompt, node: str, output: Mapping[str, Any]) -> None:
        fate = self.truth.fates[prompt.id]
        for item in output["images"]:
            fate.files[node, item["filename"]] = self.files[item["filename"]]
        self._tell(prompt, "executed", node=node, output=output)

    def _tell(self, prompt: Prompt, kind: str, **data: Any) -> list[Any]:
        """To the prompt's client; progress of a prompt without one goes to everybody."""
        data["prompt_id"] = prompt.id
        for session in self._listeners(prompt, kind in ("progress", "execution_interrupted")):
            self._send(session, kind, **data)
        return [kind, data]

    def _picture(self, prompt: Prompt, node: str, data: bytes) -> None:
        about = json.dumps({"node_id": node, "prompt_id": prompt.id, "image_type": "image/png"})
        for session in self._listeners(prompt, True):
            if session.metadata and prompt.client_id is not None:
                head = struct.pack(">II", 4, len(about)) + about.encode()
            else:
                head = struct.pack(">II", 1, 2)
            session.deliver(head + data)

    def _listeners(self, prompt: Prompt, everybody: bool) -> list[Session]:
        if prompt.client_id is None:
            return list(self.sessions.values()) if everybody else []
        session = self.sessions.get(prompt.client_id)
        return [session] if session else []

    def _status(self, *sessions: Session, **about: Any) -> None:
        remaining = len(self.pending) + (self.running is not None)
        for session in sessions or list(self.sessions.values()):
            info = {"exec_info": {"queue_remaining": remaining}}
            self._send(session, "status", status=info, **about)

    def _send(self, session: Session, kind: str, **data: Any) -> None:
        session.deliver(json.dumps({"type": kind, "data": data}))

    def _milliseconds(self) -> int:
        return int(self._clock.time() * 1000)
