"""One prompt on its way: where it stands, what its client is told, what its history will say.

Which frames ComfyUI sends, to whom and in which order is all here. What runs next is decided in
`execution`.
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.sandbox.events import Hub, image_frame, image_with_metadata_frame
from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.nodes import Encoded
from orchestrator.sandbox.prompt_queue import Job

Strike = Callable[[Literal["node", "step", "ended"], "Run"], Awaitable[None]]
"""What may happen to a prompt before a node, after a step, and at its end."""


async def nothing(moment: str, run: "Run") -> None:
    """No fault strikes."""


class Interrupted(Exception):
    """Somebody asked for the running prompt to stop."""


@dataclass(slots=True)
class Run:
    """One prompt on its way. Its methods are what running nodes see (`nodes.Context`)."""

    job: Job
    hub: Hub
    folders: Folders
    previews: bool
    pause: Callable[[], Awaitable[object]]
    """Lets the time of one sampler step pass."""
    now: Callable[[], float]
    """Seconds since 1970, by the server's clock."""
    strike: Strike
    prompt: dict[str, Any] = field(default_factory=dict)
    node_id: str = ""
    """The node that runs, or ran last."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """What that node was given."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Cache keys of the nodes that are needed."""
    interrupted: bool = False
    steps: int = 0
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    truth: list[Mapping[str, Any]] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prompt = deepcopy(dict(self.job.prompt))

    @property
    def extra_pnginfo(self) -> Mapping[str, Any]:
        return self.job.extra_data.get("extra_pnginfo") or {}

    async def step(self) -> None:
        await self.pause()
        self.steps += 1
        await self.strike("step", self)

    def progress(self, value: int, maximum: int, image: Encoded | None = None) -> None:
        self.stop_if_interrupted()
        self.state(value, maximum, "running")
        client_id, data = self.job.client_id, {"prompt_id": self.job.prompt_id}
        # A client that can read metadata gets its preview before `progress`, others after it.
        with_metadata = self.hub.supports("supports_preview_metadata", client_id)
        if image and with_metadata:
            metadata = {"node_id": self.node_id, **data, **self._ids()}
            frame = image_with_metadata_frame(image.format, image.data, metadata)
            self.hub.send(frame, client_id)
        progress = {"value": value, "max": maximum, **data, "node": self.node_id}
        self.hub.emit("progress", progress, client_id)
        if image and not with_metadata:
            self.hub.send(image_frame(image.format, image.data), client_id)

    def reveal(self, picture: Mapping[str, Any]) -> None:
        self.truth.append({"node": self.node_id, **picture})

    def stop_if_interrupted(self) -> None:
        if self.interrupted:
            raise Interrupted

    def message(self, kind: str, **data: Any) -> None:
        """An event that history keeps."""
        data = {"prompt_id": self.job.prompt_id, **data, "timestamp": int(self.now() * 1000)}
        self.messages.append((kind, data))
        if self.job.client_id is not None or kind == "execution_interrupted":
            self.hub.emit(kind, data, self.job.client_id)

    def about_node(self, kind: str, **data: Any) -> None:
        if self.job.client_id is not None:
            node = {"node": self.node_id, "display_node": self.node_id}
            data = {**node, **data, "prompt_id": self.job.prompt_id}
            self.hub.emit(kind, data, self.job.client_id)

    def state(self, value: float, maximum: float, state: str) -> None:
        """Report the state of all nodes so far, with this one's new."""
        prompt_id = self.job.prompt_id
        self.states[self.node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": self.node_id,
            "prompt_id": prompt_id,
            **self._ids(),
        }
        data = {"prompt_id": prompt_id, "nodes": self.states}
        self.hub.emit("progress_state", data, self.job.client_id)

    def _ids(self) -> dict[str, Any]:
        return {
            "display_node_id": self.node_id,
            "parent_node_id": None,
            "real_node_id": self.node_id,
        }

    def finish_state(self) -> None:
        maximum = self.states.get(self.node_id, {"max": 1})["max"]
        self.state(maximum, maximum, "finished")

    def failure(self, error: Exception) -> None:
        """Tell that the prompt ends here, by interrupt or by error."""
        where = {
            "node_id": self.node_id,
            "node_type": self.prompt.get(self.node_id, {}).get("class_type"),
            "executed": list(self.executed),
        }
        if isinstance(error, Interrupted):
            self.message("execution_interrupted", **where)
        else:
            self.message("execution_error", **where, **_what(self, error))

    def entry(self, success: bool, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        """The history entry. `shown` has the output nodes' `ui`."""
        return {
            "prompt": self.job.as_list(),
            "outputs": shown,
            "status": {
                "status_str": "success" if success else "error",
                "completed": success,
                "messages": self.messages,
            },
            "meta": {
                node_id: {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }
                for node_id in shown
            },
        }


def _what(run: Run, error: Exception) -> dict[str, Any]:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return {
        "exception_message": f"{error}\n",
        "exception_type": f"{module}{kind.__qualname__}",
        "traceback": traceback.format_tb(error.__traceback__),
        "current_inputs": {
            name: [value if isinstance(value, int | float | str) else str(value)]
            for name, value in run.inputs.items()
        },
        "current_outputs": list(run.prompt),
    }
