"""One prompt that somebody waits for: its state, its listener, and the waiting itself."""

import asyncio
from collections.abc import Callable

from orchestrator.comfy.events import Deleted, Event, Gap, Missing, PromptEvent
from orchestrator.comfy.presence import Presence
from orchestrator.comfy.prompt_state import Phase, PromptState
from orchestrator.errors import ServerError

OnEvent = Callable[[PromptEvent | Gap], None]
"""Called at once for each event of the prompt, some of them more than once, and for each gap."""


def ignore(event: PromptEvent | Gap) -> None:
    """The listener that does not care."""


class Watch:
    """Moved by whoever has an event; `wait` returns when the prompt is settled, or raises."""

    def __init__(self, state: PromptState, on_event: OnEvent) -> None:
        self.state = state
        self.presence = Presence()
        self.refusal: ServerError | None = None
        """What the server answered, if it turns out not to have the prompt."""
        self._on_event = on_event
        self._finished = asyncio.Event()
        self._error: Exception | None = None
        self.created = self._began = self._over = self._now()

    @property
    def active(self) -> bool:
        """The server may have it, and how it ends is not known yet."""
        return self.presence.since is not None and not self._finished.is_set()

    @property
    def unheard(self) -> bool:
        """Its events may not reach us: only looks tell."""
        return self.state.missed or not self.presence.certain

    @property
    def seconds(self) -> float:
        """From the start to the end, as far as we saw them; 0 if it was never seen to run."""
        return self._over - self._began

    @property
    def running_for(self) -> float:
        running = self.state.phase is Phase.RUNNING and not self._finished.is_set()
        return self._now() - self._began if running else 0.0

    @property
    def over_for(self) -> float:
        """How long it is over already without being settled."""
        over = self.state.phase is Phase.OVER and not self.state.settled
        return self._now() - self._over if over else 0.0

    def take(self, event: Event) -> None:
        """One event, ours or not."""
        claimed = event if isinstance(event, Gap) else self.state.claim(event)
        before, self.state = self.state.phase, self.state.step(event)
        if self.state.phase is not before:
            self._over = self._now()
            if before is Phase.QUEUED:
                self._began = self._over
        if claimed is not None:
            if not isinstance(claimed, Missing | Deleted | Gap):
                self.confirm()
                self.refusal = None
            try:
                self._on_event(claimed)
            except Exception as error:
                self.fail(error)
        if self.state.settled:
            self._finished.set()

    def confirm(self) -> None:
        """The server has, or had, the prompt."""
        self.presence.confirm(self._now())

    def miss(self, looked: float, answering_since: float, late: float) -> None:
        """A look found it nowhere; see `Presence.miss`."""
        if self.presence.miss(looked, answering_since, late):
            self.take(Missing(self.state.prompt_id))

    def fail(self, error: Exception) -> None:
        """Whoever waits gets `error`, unless the prompt is settled."""
        if not self._finished.is_set():
            self._error = error
            self._finished.set()

    async def wait(self) -> None:
        await self._finished.wait()
        if self._error:
            raise self._error

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
