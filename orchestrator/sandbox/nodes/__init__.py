"""The nodes that workflows for the sandbox may use: those of a ComfyUI without custom nodes."""

# Importing a module files its nodes in NODES.
from orchestrator.sandbox.nodes import (  # noqa: F401
    conditioning,
    images,
    latents,
    loaders,
    primitives,
    sampling,
)
from orchestrator.sandbox.nodes.base import NODES, Context, Encoded, Input, Node, Ui, describe

__all__ = ["NODES", "Context", "Encoded", "Input", "Node", "Ui", "describe"]
