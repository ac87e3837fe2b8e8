"""The interface of a search strategy, and the two that start every target: reseed and weigh."""

import random
from collections.abc import Sequence
from typing import Protocol

from orchestrator.models import Attempt, Mutation, Target

SEED_BITS = 53
"""Seeds stay exact in JavaScript, so a picture dragged into ComfyUI keeps its seed."""


class Strategy(Protocol):
    """Proposes mutations from the attempts so far. Told by the history alone."""

    def ask(self, history: Sequence[Attempt], k: int = 1) -> list[Mutation]:
        """The next `k` mutations, given every mutation submitted so far, those under way included.

        A function of its arguments and of the target the strategy was made for.
        """
        ...


class Reseed:
    """A fresh seed for every attempt: the baseline that everything else must beat.

    The first attempt uses the target's own seed.
    """

    def __init__(self, target: Target) -> None:
        self._seed = target.seed

    def ask(self, history: Sequence[Attempt], k: int = 1) -> list[Mutation]:
        return [Mutation(seed=self._draw(len(history) + i), reason="fresh seed") for i in range(k)]

    def _draw(self, index: int) -> int:
        if index == 0:
            return self._seed
        return random.Random(f"{self._seed}/{index}").getrandbits(SEED_BITS)


class Weigh:
    """Fresh seeds, and from half of the budget on every other one with a phrase raised.

    The phrases take turns. Half of the late attempts stay at the prompt's own weights, so where
    weights are useless this costs nothing against `Reseed` (search-evidence: raise, don't jitter).
    """

    RAISED = 1.2

    def __init__(self, target: Target, phrases: Sequence[str]) -> None:
        self._reseed = Reseed(target)
        self._phrases = phrases
        self._warm_up = max(3, target.budget.attempts // 2)

    def ask(self, history: Sequence[Attempt], k: int = 1) -> list[Mutation]:
        fresh = self._reseed.ask(history, k)
        return [self._weigh(len(history) + i, mutation) for i, mutation in enumerate(fresh)]

    def _weigh(self, index: int, mutation: Mutation) -> Mutation:
        turn, plain = divmod(index - self._warm_up, 2)
        if turn < 0 or plain or not self._phrases:
            return mutation
        phrase = self._phrases[turn % len(self._phrases)]
        return mutation.model_copy(
            update={"weights": {phrase: self.RAISED}, "reason": f"fresh seed, raise {phrase!r}"}
        )
