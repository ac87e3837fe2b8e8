"""`sandbox`: the embedded ComfyUI-compatible server, for a first run and for tests."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8188,
    seconds_per_step: Annotated[float, typer.Option(help="Time of one sampler step.")] = 0.02,
    preview_method: Annotated[
        Literal["latent2rgb", "none"], typer.Option(help="Live previews.")
    ] = "latent2rgb",
    output: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures; default: one that goes with the server."),
    ] = None,
    faults: Annotated[
        Path | None,
        typer.Option(help="JSON list of faults to be armed: the server then misbehaves on demand."),
    ] = None,
    exit_with_parent: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Serve a small ComfyUI of painted scenes: no GPU, no weights, no network.

    It speaks ComfyUI's protocol; its pictures show coloured shapes, and go wrong as real ones do.
    """
    from orchestrator.sandbox.options import Options
    from orchestrator.sandbox.process import serve

    serve(Options(host, port, seconds_per_step, preview_method, output, exit_with_parent, faults))
