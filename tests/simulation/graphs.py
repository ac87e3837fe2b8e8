"""Workflows for simulated servers, what these read of one, and the pictures they make of it."""

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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


def text_to_picture(prompt: str, steps: int, batch: int) -> dict[str, Any]:
    """A workflow as people have it, for those who look for its parts."""

    def node(kind: str, **inputs: Any) -> dict[str, Any]:
        return {"class_type": kind, "inputs": inputs}

    return {
        "3": node(
            "KSampler", seed=0, steps=steps, cfg=7.0, sampler_name="euler", scheduler="normal",
            denoise=1.0, model=["4", 0], positive=["6", 0], negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="simulated.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=512, batch_size=batch),
        "6": node("CLIPTextEncode", text=prompt, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="ComfyUI"),
    }  # fmt: skip


@dataclass(frozen=True)
class Made:
    """Who made a picture, and of what. Its bytes hold nothing else."""

    prompt_id: str
    node: str
    index: int
    graph: str
    """Hash of the workflow."""

    @property
    def score(self) -> float:
        """What the scorer says of it: evenly from 18 to 34, and a function of the graph."""
        digest = hashlib.sha256(f"{self.graph} {self.node} {self.index}".encode()).digest()
        return 18.0 + 16.0 * int.from_bytes(digest[:6]) / 2**48


def key(graph: Mapping[str, Any]) -> str:
    """Tells workflows apart that make different pictures."""
    return hashlib.sha256(json.dumps(graph, sort_keys=True).encode()).hexdigest()


def png(prompt_id: str, graph: Mapping[str, Any], node: str, index: int) -> bytes:
    text = json.dumps(asdict(Made(prompt_id, node, index, key(graph))))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tEXt", b"made\0" + text.encode()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def made(data: bytes) -> Made:
    """Raises ValueError for bytes that no simulated server made."""
    _, _, rest = data.partition(b"tEXtmade\0")
    return Made(**json.JSONDecoder().raw_decode(rest.decode("latin-1"))[0])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


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
