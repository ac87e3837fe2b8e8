"""The attempts of one target so far, and what follows from them: what to do next, how it ends."""

from collections.abc import Sequence

from orchestrator.models import Attempt, Ending, Mutation, Picture, Target, Verdict
from orchestrator.search import judge, policy
from orchestrator.search.strategy import Strategy

_ELSEWHERE = (Verdict.OUT_OF_MEMORY, Verdict.LOST)


class Ledger:
    """Attempts by number. Its answers depend on them, the target and the strategy alone."""

    def __init__(
        self, target: Target, history: Sequence[Attempt], strategy: Strategy, *, batch: int = 1
    ) -> None:
        """`batch`: how many pictures the workflow makes at once."""
        self._target = target
        self._strategy = strategy
        self._batch = batch
        self._attempts = {attempt.number: attempt for attempt in history}
        self.cancelled = False
        """Whether nobody wants the target any more."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return tuple(self._attempts.values())

    @property
    def accepted(self) -> int:
        """How many pictures have passed the gate."""
        return sum(picture.passed for a in self.attempts for picture in a.pictures)

    @property
    def best(self) -> tuple[Attempt, Picture] | None:
        return judge.best(self._target.gate, self.attempts)

    @property
    def failure(self) -> Attempt | None:
        """The attempt for which the target has failed, if there is one."""
        return policy.fatal(self.attempts)

    @property
    def decided(self) -> bool:
        """Whether the target has ended whatever its attempts under way will bring."""
        return self.cancelled or self.accepted >= self._target.want or self.failure is not None

    @property
    def ending(self) -> Ending:
        """How the target has ended, once there is nothing more to do."""
        if self.accepted >= self._target.want:
            return Ending.ACCEPTED
        if self.cancelled:
            return Ending.CANCELLED
        if self.failure is not None or self.best is None:
            return Ending.FAILED
        return Ending.EXHAUSTED

    @property
    def message(self) -> str:
        """Why the target has failed."""
        if self.failure is not None:
            return self.failure.message
        return next((a.message for a in reversed(self.attempts) if a.message), "")

    @property
    def open(self) -> bool:
        """Whether another attempt may begin."""
        return not self.decided and policy.affordable(self._target, self.attempts)

    @property
    def avoid(self) -> frozenset[str]:
        """Where the next attempt had better not go: to a server that had no memory for it, or that
        lost it."""
        repeats = policy.to_repeat(self.attempts)
        if repeats is None or repeats.verdict not in _ELSEWHERE:
            return frozenset()
        return frozenset({repeats.server})

    def begin(self, server: str, prompt_id: str) -> Attempt | None:
        """Enter the next attempt and return it, or None when nothing is left to do or to spend."""
        if not self.open:
            return None
        repeats = policy.to_repeat(self.attempts)
        attempt = Attempt(
            number=len(self._attempts) + 1,
            prompt_id=prompt_id,
            server=server,
            mutation=policy.again(repeats, self._batch) if repeats else self._ask(),
            repeats=repeats.number if repeats else None,
        )
        self.enter(attempt)
        return attempt

    def enter(self, attempt: Attempt) -> None:
        """Put an attempt in the place of what was known of it."""
        self._attempts[attempt.number] = attempt

    def _ask(self) -> Mutation:
        return self._strategy.ask([a for a in self.attempts if a.repeats is None])[0]
