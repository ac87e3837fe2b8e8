"""`python -m orchestrator.sandbox`: the sandbox's command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from orchestrator.sandbox.options import Options
from orchestrator.sandbox.process import serve


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sandbox",
        description="A ComfyUI-compatible server that draws small scenes, without GPU or weights.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8188, help="0 is any free port")
    parser.add_argument("--seconds-per-step", type=float, default=0.01)
    parser.add_argument("--preview-method", choices=("none", "latent2rgb"), default="latent2rgb")
    parser.add_argument("--output", type=Path, help="folder for saved images")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin ends")
    serve(Options(**vars(parser.parse_args(argv))))


if __name__ == "__main__":
    main()
