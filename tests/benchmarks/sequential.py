"""The baseline of `fleet`: ComfyUI's own websocket example, one such client for each server.

Post, listen until `executing` null, read the history, fetch the picture, have it scored, and only
then post the next one. Blocking calls, one thread a server, as people run it.
"""

import json
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence
from typing import Any

from websockets.sync.client import connect


def drive(urls: Sequence[str], scorer: str, graph: dict[str, Any], pictures: int) -> float:
    """Has every server make so many pictures; returns when the first of them had no more work."""
    ends: list[float] = []

    def work(number: int) -> None:
        seeds = range(number * pictures, (number + 1) * pictures)
        _client(urls[number], scorer, graph, seeds)
        ends.append(time.monotonic())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(urls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return min(ends)


def _client(url: str, scorer: str, graph: dict[str, Any], seeds: Sequence[int]) -> None:
    client_id = str(uuid.uuid4())
    sampler = next(n for n, node in graph.items() if node["class_type"] == "KSampler")
    ws_url = f"{url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
    with connect(ws_url, proxy=None, compression=None, ping_interval=None) as socket:
        for seed in seeds:
            inputs = graph[sampler]["inputs"] | {"seed": seed}
            prompt = graph | {sampler: graph[sampler] | {"inputs": inputs}}
            prompt_id = str(uuid.uuid4())
            body = {"prompt": prompt, "client_id": client_id, "prompt_id": prompt_id}
            _ask(f"{url}/prompt", json.dumps(body).encode())
            while True:
                message = json.loads(socket.recv())
                if message["type"] == "executing":
                    data = message["data"]
                    if data["node"] is None and data["prompt_id"] == prompt_id:
                        break
            history = json.loads(_ask(f"{url}/history/{prompt_id}"))[prompt_id]
            for output in history["outputs"].values():
                for image in output["images"]:
                    picture = _ask(f"{url}/view?{urllib.parse.urlencode(image)}")
                    _ask(f"{scorer}/v1/score?prompt=a+red+circle", picture)


def _ask(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, data=body) as answer:
        return bytes(answer.read())
