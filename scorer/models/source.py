"""A model's name → the weights it stands for, and how they want to be used.

Names that can't be right are answered here, with what was probably meant. Two traps are closed:
weights trained with QuickGELU give worse embeddings in an architecture without it, and nothing
fails; and open_clip knows how weights want their pictures scaled by their PRETRAINED name only, not
for a local file.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorer.errors import ModelError
from scorer.models import hub, scenes
from scorer.models.name import ModelName
from scorer.torchvision_shim import import_open_clip

open_clip = import_open_clip()

_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class Source:
    architecture: str
    checkpoint: Path
    preprocessing: Mapping[str, Any]
    """Overrides open_clip's defaults: mean, std, interpolation, resize_mode."""
    cautions: tuple[str, ...] = ()
    """What the user should know if the model is used, one line each."""


def find(name: ModelName) -> Source:
    """Find a model's weights; download them where they are not at hand.

    Raises:
        ModelError: no such architecture, weights or file, or it can't be downloaded.
    """
    if name.architecture == scenes.NAME:
        if name != ModelName(scenes.NAME):
            raise ModelError(f"{name}: it has its own weights; write scenes alone")
        open_clip.add_model_config(scenes.CONFIG)
        return Source(scenes.NAME, scenes.WEIGHTS, {})
    architectures = open_clip.list_models()
    if name.architecture not in architectures:
        raise ModelError(
            f"open_clip has no architecture {name.architecture!r}"
            + _did_you_mean(name.architecture, architectures)
        )
    if name.checkpoint:
        return _local(name.architecture, name.checkpoint)
    return _pretrained(name.architecture, name.pretrained)


def _local(architecture: str, checkpoint: Path) -> Source:
    if not checkpoint.is_file():
        raise ModelError(f"{checkpoint}: no such file")
    cautions = []
    quick = f"{architecture}-quickgelu"
    if quick in open_clip.list_models():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(quick))
        cautions.append(f"if these are weights of {tags}: they need {quick}:{checkpoint}")
    known = _configurations(architecture).values()
    ways = {_preprocessing(configuration) for configuration in known}
    if len(ways) > 1:
        cautions.append(
            f"open_clip's weights of {architecture} differ in how they want pictures scaled;"
            " this file gets the usual way, with OpenAI's mean and deviation"
        )
    preprocessing = dict(ways.pop()) if len(ways) == 1 else {}
    return Source(architecture, checkpoint, preprocessing, tuple(cautions))


def _pretrained(architecture: str, tag: str | None) -> Source:
    known = _configurations(architecture)
    if not known:
        raise ModelError(
            f"open_clip has no weights for {architecture};"
            f" give a file: {architecture}:/path/to/checkpoint.safetensors"
        )
    if tag is None:
        if len(known) > 1:
            raise ModelError(f"{architecture}: say which weights: {', '.join(known)}")
        (tag,) = known
    configuration = open_clip.get_pretrained_cfg(architecture, tag)
    if not configuration:
        raise ModelError(f"{architecture} has no weights {tag!r}; it has {', '.join(known)}")
    quick = f"{architecture}-quickgelu"
    if configuration.get("quick_gelu") and quick in open_clip.list_models():
        raise ModelError(f"{architecture}:{tag} was trained with QuickGELU; use {quick}:{tag}")
    checkpoint = hub.fetch(f"{architecture}:{tag}", configuration)
    return Source(architecture, checkpoint, dict(_preprocessing(configuration)))


def _configurations(architecture: str) -> dict[str, Mapping[str, Any]]:
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    return {tag: open_clip.get_pretrained_cfg(architecture, tag) for tag in tags}


def _preprocessing(configuration: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    present = (key for key in _PREPROCESSING if configuration.get(key) is not None)
    return tuple((key, configuration[key]) for key in present)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=3)
    return f"; did you mean {' or '.join(by_lower[name] for name in close)}?" if close else ""
