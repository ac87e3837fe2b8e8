"""`python -m scorer`: start the scorer process, and end it cleanly.

One JSON line on stdout says that it is ready; everything else goes to stderr. It ends with 0 when
told to (SIGINT, SIGTERM, or the end of stdin under `--exit-with-parent`), and with 2 and one line
when it can't start. It listens before the model is loaded: `/healthz` is answered, and a signal
obeyed, from the first second on.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from scorer.errors import StartError
from scorer.wire import ReadyLine

if TYPE_CHECKING:
    from scorer.batching import ModelQueue
    from scorer.image import Limits
    from scorer.pipeline import Pipeline


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to end; the exit code."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):  # until the event loop takes them over
        signal.signal(number, lambda *_: os._exit(0))
    _log_to_stderr()
    try:
        asyncio.run(serve(options))
    except StartError as error:
        print(f"scorer: {error}", file=sys.stderr)
        return 2
    return 0


async def serve(options: argparse.Namespace) -> None:
    """Listen, load the model, say that it is ready, and serve until told to end.

    Raises:
        StartError: the port or the model can't be had.
    """
    from scorer.batching import ModelQueue
    from scorer.image import Limits
    from scorer.server import Server, listening

    stop = _stop_event(options.exit_with_parent)
    queue, limits = ModelQueue(), Limits()
    server = Server(queue, limits)
    async with listening(server.app, options.host, options.port) as url:
        load = partial(load_pipeline, options.model, options.device, options.threads, queue, limits)
        loading = asyncio.ensure_future(queue.run(load))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            pipeline = loading.result()
            server.ready(pipeline)
            model = pipeline.info
            line = ReadyLine(url=url, model=model.name, weights=model.weights, device=model.device)
            print(line.model_dump_json(), flush=True)
        await stopping


def load_pipeline(
    model: str, device: str, threads: int | None, queue: "ModelQueue", limits: "Limits"
) -> "Pipeline":
    """What takes seconds: torch, open_clip, the weights, the first pass through the model."""
    import torch

    from scorer.models.loading import load
    from scorer.pipeline import Pipeline

    if threads:
        torch.set_num_threads(threads)
    return Pipeline(load(model, device), queue, limits)


def _stop_event(exit_with_parent: bool) -> asyncio.Event:
    """Set when the process is told to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def wait_for_end_of_stdin() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        loop.call_soon_threadsafe(stop.set)

    if exit_with_parent:
        threading.Thread(target=wait_for_end_of_stdin, name="stdin", daemon=True).start()
    return stop


def _log_to_stderr() -> None:
    """Our lines and the web server's. What libraries have to say reaches us as exceptions."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    for name in ("scorer", "aiohttp"):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scorer", description="Score images over HTTP.")
    parser.add_argument(
        "--model",
        required=True,
        metavar="NAME[:WEIGHTS]",
        help="scenes, or open_clip's architecture and pretrained name (ViT-B-32:laion2b_s34b_b79k),"
        " or the architecture and a file (ViT-B-32:/path/to/open_clip_model.safetensors)",
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--threads", type=_number(1, 1024), metavar="N", help="CPU threads to use")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=8189, type=_number(0, 65535), help="0: any free one")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when stdin does, so never stay behind"
    )
    return parser


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a model that is being loaded can't be interrupted, and is not waited for
