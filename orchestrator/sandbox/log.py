"""What the sandbox knows and a ComfyUI would not tell: the truth about pictures, and a log.

Read at `/_sandbox/truth/{prompt_id}` and `/_sandbox/log` by tests and benchmarks. Both are bounded;
the oldest entries go first.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LOG_MAX: Final = 100_000
_TRUTH_MAX: Final = 10_000


class Observer:
    def __init__(self) -> None:
        self._log: deque[Mapping[str, Any]] = deque(maxlen=_LOG_MAX)
        self._truth: dict[str, Mapping[str, Any]] = {}

    @property
    def log(self) -> list[Mapping[str, Any]]:
        """Events in order: `{"time": seconds since 1970, "event": …, …}`."""
        return list(self._log)

    def note(self, event: str, **details: Any) -> None:
        self._log.append({"time": time.time(), "event": event, **details})

    def reveal(
        self, prompt_id: str, status: str, steps: int, pictures: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep what is true of a prompt's pictures. `steps` counts the sampler steps it cost."""
        if len(self._truth) >= _TRUTH_MAX:
            del self._truth[next(iter(self._truth))]
        self._truth[prompt_id] = {
            "prompt_id": prompt_id,
            "status": status,
            "steps": steps,
            "pictures": list(pictures),
        }

    def truth(self, prompt_id: str) -> Mapping[str, Any] | None:
        return self._truth.get(prompt_id)
