"""The faults that are armed, and those used up."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.sandbox.faults.kinds import Fault
from orchestrator.sandbox.faults.when import Moment
from orchestrator.sandbox.log import Observer


@dataclass(slots=True)
class _Armed:
    fault: Fault
    met: int = 0
    """How often its `when` held."""
    struck: int = 0

    def strikes(self, context: Mapping[str, object]) -> bool:
        """Count this moment; whether the fault strikes at it."""
        if self.spent or not self.fault.when.holds(context):
            return False
        self.met += 1
        if self.met < self.fault.when.nth:
            return False
        self.struck += 1
        return True

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times

    def shown(self) -> dict[str, Any]:
        return {**self.fault.model_dump(mode="json", exclude_none=True), "struck": self.struck}


class Faults:
    """All faults of one sandbox. They outlive its restarts."""

    def __init__(self, observer: Observer, faults: Iterable[Fault] = ()) -> None:
        self._observer = observer
        self._armed: list[_Armed] = []
        self._spent: list[_Armed] = []
        self.arm(faults)

    def arm(self, faults: Iterable[Fault]) -> None:
        self._armed += [_Armed(fault) for fault in faults]

    def disarm(self) -> None:
        self._armed = []

    def shown(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "armed": [armed.shown() for armed in self._armed],
            "used_up": [armed.shown() for armed in self._spent],
        }

    def expects(self, moment: Moment) -> bool:
        """Whether anything may strike at that moment."""
        return any(armed.fault.at == moment for armed in self._armed)

    def due(self, moment: Moment, **context: object) -> Iterator[Fault]:
        """The faults that strike now, in the order they were armed. Each is counted as it is
        taken, so that one which ends the moment keeps the next for another time."""
        for armed in [armed for armed in self._armed if armed.fault.at == moment]:
            if armed.strikes(context):
                if armed.spent:
                    self._armed.remove(armed)
                    self._spent.append(armed)
                self._observer.note("fault", fault=armed.fault.fault, at=moment, **context)
                yield armed.fault
