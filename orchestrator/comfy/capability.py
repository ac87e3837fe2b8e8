"""What keeps a server from running a graph, told before anything is sent. Pure.

Node classes and choices, model files among them, against `/object_info`. Only what is certain: the
rest of validation is the server's.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

from orchestrator.comfy.explain import Explainer

_SHOWN = 3
"""So many things are named; the rest is counted."""


class ObjectInfo(dict[str, Any]):
    """Node class → what the server tells of it. Some 20 MB once it is read."""


_KNOWN: WeakValueDictionary[bytes, ObjectInfo] = WeakValueDictionary()
"""By the hash of their text: the servers of a studio are much alike, and share one."""


def read(body: bytes) -> ObjectInfo:
    """The body of `/object_info`. Raises ValueError."""
    digest = hashlib.sha256(body).digest()
    known = _KNOWN.get(digest)
    if known is None:
        nodes = json.loads(body)
        if not isinstance(nodes, dict):
            raise ValueError("not an object")
        known = _KNOWN[digest] = ObjectInfo(nodes)
    return known


def lacks(server: str, graph: Mapping[str, Any], object_info: Mapping[str, Any]) -> str:
    """One line, empty if nothing is missing. `server` is its address as users know it."""
    lines = list(_missing(Explainer(server, graph, object_info), graph, object_info))
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more


def _missing(
    explainer: Explainer, graph: Mapping[str, Any], object_info: Mapping[str, Any]
) -> Iterator[str]:
    for node, content in graph.items():
        match content:
            case {"class_type": str(class_type), "inputs": dict(inputs)}:
                pass
            case _:  # not API format, as the server will say
                continue
        if class_type not in object_info:
            yield explainer.unknown_class(node)
            continue
        for name, value in inputs.items():
            choices = _choices(object_info[class_type], name)
            if choices is None or isinstance(value, list | dict):  # a link, or several values
                continue
            if value not in choices:
                yield explainer.unknown_choice(node, name, choices)


def _choices(about: Any, name: str) -> list[Any] | None:
    """What an input may be; None if that is no fixed list.

    Uploaded files appear later than the list was read, and some lists are filled in elsewhere.
    """
    for group in ("required", "optional"):
        match about:
            case {"input": dict(inputs)}:
                spec = (inputs.get(group) or {}).get(name)
            case _:
                return None
        match spec:
            case [_, dict(options), *_] if any(
                options.get(key)
                for key in ("image_upload", "video_upload", "audio_upload", "remote")
            ):
                return None
            case [list(choices), *_]:
                return choices
            case ["COMBO", {"options": list(choices)}, *_]:
                return choices
    return None
