"""Bodies of ComfyUI's HTTP requests and answers: what we send, and what an answer says.

Readers raise ValueError on a body of another shape: an answer that can't be read must never look
like one that says "nothing there". They read lists by index, since later servers append elements.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.comfy.events import (
    Executed,
    Failed,
    Features,
    Interrupted,
    PromptEvent,
    Recorded,
    Status,
    Succeeded,
)
from orchestrator.comfy.frames import MALFORMED, read_images, read_message


@dataclass(frozen=True, slots=True)
class Queue:
    """Ids of what runs and of what waits on a server, anybody's."""

    running: tuple[str, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 200 to POST `/prompt`."""

    prompt_id: str
    node_errors: Mapping[str, Any]
    """Outputs that were dropped because their nodes failed validation; the rest runs."""


def prompt_body(graph: Mapping[str, Any], prompt_id: str, client_id: str) -> dict[str, Any]:
    return {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}


def delete_body(prompt_id: str) -> dict[str, Any]:
    return {"delete": [prompt_id]}


def interrupt_body(prompt_id: str) -> dict[str, Any]:
    return {"prompt_id": prompt_id}


def free_body() -> dict[str, Any]:
    return {"unload_models": True, "free_memory": True}


def read_accepted(body: object) -> Accepted:
    match body:
        case {"prompt_id": str(prompt_id), "node_errors": dict(node_errors)}:
            return Accepted(prompt_id, node_errors)
        case {"prompt_id": str(prompt_id)}:
            return Accepted(prompt_id, {})
    raise ValueError("no prompt_id in the answer to POST /prompt")


def read_system(body: object) -> dict[str, Any]:
    """`/system_stats`, the answer by which a ComfyUI is known."""
    match body:
        case {"system": {"python_version": str()}, "devices": [*_]} if isinstance(body, dict):
            return body
    raise ValueError("no system and devices in /system_stats")


def read_queue(body: object) -> Queue:
    match body:
        case {"queue_running": [*running], "queue_pending": [*pending]}:
            return Queue(_ids(running), _ids(pending))
    raise ValueError("no queue_running and queue_pending in /queue")


def _ids(items: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(item, list) and len(item) > 1 for item in items):
        raise ValueError("an entry of /queue has no prompt id")
    return tuple(str(item[1]) for item in items)


def read_history(prompt_id: str, body: object) -> tuple[PromptEvent, ...]:
    """What `/history/{id}` tells of the prompt, oldest first; empty where it has no entry.

    Interrupted and failed prompts have the same status: the last message decides. Where there is
    none that does (older servers, `status` null), the outputs do.
    """
    if not isinstance(body, Mapping):
        raise ValueError("/history is no JSON object")
    entry = body.get(prompt_id)
    if entry is None:
        return ()
    if not isinstance(entry, Mapping):
        raise ValueError("an entry of /history is no JSON object")
    outputs = entry.get("outputs")
    told = _told(prompt_id, entry.get("status"))
    images = tuple(
        Executed(prompt_id, node, read_images(node, output))
        for node, output in (outputs.items() if isinstance(outputs, Mapping) else ())
    )
    return (Recorded(prompt_id), *images, *told, *_end(prompt_id, entry, told))


def _told(prompt_id: str, status: object) -> tuple[PromptEvent, ...]:
    """The events in `messages`, the first entry of each pair being the type."""
    events: list[PromptEvent] = []
    messages = status.get("messages") if isinstance(status, Mapping) else None
    for message in messages if isinstance(messages, list) else ():
        try:
            event = read_message(message[0], {"prompt_id": prompt_id, **message[1]})
        except MALFORMED:
            continue
        if event is not None and not isinstance(event, Status | Features):
            events.append(event)
    return tuple(events)


def _end(
    prompt_id: str, entry: Mapping[str, Any], told: tuple[PromptEvent, ...]
) -> tuple[PromptEvent, ...]:
    """The end, where the messages do not tell it."""
    if any(isinstance(event, Succeeded | Interrupted | Failed) for event in told):
        return ()
    match entry.get("status"):
        case {"completed": bool(completed)}:
            success = completed
        case _:
            success = bool(entry.get("outputs"))
    if success:
        return (Succeeded(prompt_id),)
    return (Failed(prompt_id, None, "", "", "the server's history does not say how it ended"),)
