import io

import pytest
from rich.console import Console

from orchestrator.cli.display import Board, shown, shown_score
from orchestrator.models import Attempt, Ending, Verdict
from orchestrator.progress import (
    AttemptEnded,
    AttemptStarted,
    AttemptStep,
    Resumed,
    TargetEnded,
    Waiting,
)
from tests.unit.nouns import attempt, target


def drawn(board: Board) -> list[str]:
    console = Console(file=io.StringIO(), width=120)
    console.print(board.render())
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_shows_attempts_their_scores_and_what_is_left() -> None:
    clock = Clock()
    board = Board(target(budget=4), [], clock)
    board.tell(AttemptStarted(attempt=attempt(1, None)))
    board.tell(AttemptEnded(attempt=attempt(1, Verdict.BELOW_GATE, 21.26)))
    board.tell(AttemptStarted(attempt=attempt(2, None)))
    board.tell(AttemptStep(number=2, step=5, steps=20))
    clock.now = 10.0
    title, heading, first, second, footer = drawn(board)
    assert title == "a red circle above a blue square  gate clip>=28"
    assert heading.split() == ["#", "seed", "and", "changes", "sampler", "clip", "verdict"]
    assert first.split() == ["1", "seed", "1", "21.3", "below", "gate"]
    assert second.split()[:3] == ["2", "seed", "2"]
    assert "━" in second
    assert footer == "2 of 4 attempts · best so far 21.3 (#1) · at most 20 s left"


def test_what_is_waited_for_stands_below() -> None:
    board = Board(target(), [attempt(1, None)])
    board.tell(Waiting(on="http://s", message="server http://s does not answer"))
    for number in ("1 picture waits", "2 pictures wait"):
        board.tell(Waiting(on="http://x", message=f"scorer is down: {number}"))
    assert drawn(board)[-3:] == [
        "1 of 12 attempts",
        "server http://s does not answer",
        "scorer is down: 2 pictures wait",
    ]
    board.tell(Resumed(on="http://x"))
    assert drawn(board)[-1] == "server http://s does not answer"
    board.tell(TargetEnded(target_id="t", ending=Ending.CANCELLED))
    assert drawn(board)[-1] == "1 of 12 attempts"


def test_a_wait_is_a_line_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(target(), []) as watch:
        for number in ("1 picture waits", "2 pictures wait"):
            watch(Waiting(on="http://x", message=f"scorer is down: {number}"))
        watch(Resumed(on="http://x"))
    heading, *lines = capsys.readouterr().err.splitlines()
    assert heading.startswith("t: 'a red circle")
    assert lines == ["scorer is down: 1 picture waits", "http://x answers again"]


def test_names_servers_where_there_are_several() -> None:
    def on(server: str, number: int) -> Attempt:
        return attempt(number, Verdict.BELOW_GATE, 20).model_copy(update={"server": server})

    board = Board(target(), [on("http://a:8188", 1), on("https://b", 2)])
    lines = drawn(board)
    assert "server" in lines[1]
    assert "a:8188" in lines[2]
    assert " b " in lines[3]


def test_trouble_is_told_beside_the_verdict() -> None:
    lost = attempt(1, Verdict.LOST).model_copy(update={"message": "server forgot it"})
    assert drawn(Board(target(), [lost]))[2].endswith("lost: server forgot it")


def test_a_negative_score_is_shown_as_nought() -> None:
    assert shown_score(target().gate, [attempt(1, Verdict.BELOW_GATE, -3.2)]) == "0.0"
