"""What the sandbox knows and a ComfyUI would not tell: the truth about pictures, and a log.

Read at `/_sandbox/truth/{prompt_id}`, `/_sandbox/log` and `/_sandbox/requests` by tests and
benchmarks. All are bounded; the oldest entries go first.

The log's events: `accepted`, `rejected`, `started`; a prompt's end `finished`, `failed` or
`interrupted`; `interrupt` (the asking: which prompt was named, which one it hits, by whom),
`deleted` (from the queue, by whom), `uploaded`, `served`; and with faults `fault`, `forgotten` (a
prompt that the server knows no more), `stopped`, `restarted`. `client_id` is the prompt's owner.
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
        self._requests: deque[Mapping[str, Any]] = deque(maxlen=_LOG_MAX)
        self._truth: dict[str, Mapping[str, Any]] = {}

    @property
    def log(self) -> list[Mapping[str, Any]]:
        """Events in order: `{"time": seconds since 1970, "event": …, …}`."""
        return list(self._log)

    @property
    def requests(self) -> list[Mapping[str, Any]]:
        """HTTP requests as they came: `{"time": …, "method": …, "path": …}`."""
        return list(self._requests)

    def asked(self, method: str, path: str) -> None:
        self._requests.append({"time": time.time(), "method": method, "path": path})

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
