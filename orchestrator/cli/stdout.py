"""What goes to stdout: results and events. Progress and trouble go to stderr."""

import os
import sys

from orchestrator.errors import RetakeError


def say(*lines: str) -> None:
    """Print lines at once. Raises RetakeError when whoever reads has gone, or a disk is full."""
    try:
        print(*lines, sep="\n", flush=True)
    except OSError as error:
        # What could not be written would be tried again, in vain, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RetakeError(f"can't write to standard output: {error.strerror}") from error
