"""The real scorer as a process that dies and comes back in a moment.

Most of a scorer's start is importing torch. Here that is done once, in a process that others are
forked from.
"""

import multiprocessing
import os
import socket
import sys
import time

import httpx

_PRELOAD = ["scorer.__main__", "scorer.pipeline", "scorer.models.loading"]

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(_PRELOAD)


class Scorer:
    """Once made it is ready. It ends when told to, or with us."""

    def __init__(self) -> None:
        self.deaths = 0
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._port: int = server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.start_again()
        with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as http:
            while not http.get(f"{self.url}/readyz").is_success:
                time.sleep(0.05)

    def start_again(self) -> None:
        self._process = _forking.Process(target=_serve, args=(self._port,), daemon=True)
        self._process.start()

    def kill(self) -> None:
        self.deaths += 1
        self._process.kill()
        self._process.join()


def _serve(port: int) -> None:
    from scorer.__main__ import main

    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - its ready line is for nobody
    os._exit(main(["--model", "scenes", "--threads", "1", "--port", str(port)]))
