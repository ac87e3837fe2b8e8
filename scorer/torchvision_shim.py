"""Lets torchvision be imported beside a torch that it was not compiled for.

open_clip imports torchvision, only to resize pictures. torchvision's wheel on PyPI is compiled
against the CUDA build of torch; beside a CPU-only torch its compiled operators can't be loaded.
torchvision puts up with that, except in one place: it attaches a second implementation to two of
those operators, `nms` and `qnms`, and fails when they don't exist at all. They are declared here,
without an implementation. Nothing in the scorer calls them, and a call would say that it can't run.
"""

import sys
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from importlib.util import find_spec
from typing import Any

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[Any] = []  # a torch library's declarations live as long as the object does


def import_open_clip() -> Any:
    """The `open_clip` module. Takes some seconds the first time."""
    make_importable()
    return import_module("open_clip")


def make_importable() -> None:
    """Declare the operators that torchvision needs to be imported, unless it has its own."""
    if _declared or "torchvision" in sys.modules or _compiled_operators_load():
        return
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)
    _declared.append(library)


def _compiled_operators_load() -> bool:
    package = find_spec("torchvision")
    if package is None or not package.submodule_search_locations:
        return False
    folder = package.submodule_search_locations[0]
    compiled = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec("_C")
    if compiled is None or compiled.origin is None:
        return False
    try:
        torch.ops.load_library(compiled.origin)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
