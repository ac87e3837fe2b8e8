"""Workflows for simulated servers, and what these read of one."""

from collections.abc import Mapping
from typing import Any

SAVERS = ("SaveImage", "PreviewImage")
WEBSOCKET = "SaveImageWebsocket"


def picture(seed: int, steps: int = 2, save: str = "SaveImage", batch: int = 1) -> dict[str, Any]:
    return {
        "5": {"class_type": "EmptyLatentImage", "inputs": {"batch_size": batch}},
        "3": {
            "class_type": "KSampler",
            "inputs": {"seed": seed, "steps": steps, "latent_image": ["5", 0]},
        },
        "9": {"class_type": save, "inputs": {"images": ["3", 0]}},
    }


def sampler(graph: Mapping[str, Any]) -> tuple[str, int]:
    """The node that takes time, and its steps."""
    for node, content in graph.items():
        if "steps" in content["inputs"]:
            return node, int(content["inputs"]["steps"])
    return next(iter(graph)), 1


def batch(graph: Mapping[str, Any]) -> int:
    return max(int(content["inputs"].get("batch_size", 1)) for content in graph.values())


def outputs(graph: Mapping[str, Any]) -> list[str]:
    """Nodes that make pictures, in order."""
    return [n for n, c in graph.items() if c["class_type"] in (*SAVERS, WEBSOCKET)]


def senders(graph: Mapping[str, Any]) -> bool:
    return any(content["class_type"] == WEBSOCKET for content in graph.values())
