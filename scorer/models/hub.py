"""Weights that open_clip knows by name → a file on this machine.

A file that was downloaded before is used as it is, without asking the network. Where the network
can't be reached, that is said at once: huggingface_hub would try for most of a minute.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub

from scorer.errors import ModelError

DEFAULT_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip's repositories on the hub call their weights, the better first."""


def fetch(name: str, configuration: Mapping[str, Any], seconds: float = 10.0) -> Path:
    """The local path of the weights that an entry of open_clip's table describes.

    Args:
        name: the model's name, for messages.
        configuration: the entry, with `hf_hub` as `organisation/repository/` + optional file name.
        seconds: how long to wait for the hub's first answer.

    Raises:
        ModelError: the hub can't be reached, or has no such file.
    """
    repository, filename = os.path.split(configuration["hf_hub"])
    filenames = (filename,) if filename else DEFAULT_NAMES
    for candidate in filenames:
        cached = huggingface_hub.try_to_load_from_cache(repository, candidate)
        if isinstance(cached, str):
            return Path(cached)
    for candidate in filenames:
        url = huggingface_hub.hf_hub_url(repository, candidate)
        try:
            answer = httpx.head(url, follow_redirects=True, timeout=seconds)
            if answer.status_code == httpx.codes.NOT_FOUND:
                continue
            answer.raise_for_status()
            return Path(huggingface_hub.hf_hub_download(repository, candidate))
        except (httpx.HTTPError, OSError) as reason:
            line = " ".join(str(reason).split())
            raise ModelError(
                f"can't download {name} ({line}); get {url} in another way"
                f" and use --model {name.partition(':')[0]}:/path/to/{candidate}"
            ) from reason
    raise ModelError(f"can't download {name}: {repository} on the hub has no {filenames[0]}")
