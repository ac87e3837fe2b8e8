import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import GateError
from orchestrator.search.gate import CLIP_CEILING, parse_gate


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("clip>=28", "clip>=28"),
        ("  clip  >=  28.5 ", "clip>=28.5"),
        ("clip>0", "clip>0"),
        ("clip>=28 and clip<40", "clip>=28 and clip<40"),
        ("clip<=2e1", "clip<=20"),
    ],
)
def test_reads_what_people_write(text: str, shown: str) -> None:
    assert str(parse_gate(text)) == shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a condition such as 'clip>=28'"),
        ("clip", "'clip' is not a condition"),
        ("clip=>28", "is not a condition"),
        ("clip=28", "is not a condition"),
        ("28<=clip", "is not a condition"),
        ("clip>=", "'=' is not a number"),
        ("clip>=28 and", "'' is not a condition"),
        ("clip>=abc", "'abc' is not a number"),
        ("clip>=nan", "'nan' is not a number"),
        ("clip>=inf", "'inf' is not a number"),
        ("beauty>=5", "no metric 'beauty'"),
    ],
)
def test_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(GateError, match=says) as caught:
        parse_gate(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["clip>=85", "clip>45.1", "clip>=28 and clip>=100"])
def test_a_percentage_is_answered_with_what_clip_is(text: str) -> None:
    with pytest.raises(GateError, match=r"100·cos.*15-40.*clip>=28.*calibrate"):
        parse_gate(text)


def test_the_ceiling_itself_can_be_asked_for() -> None:
    assert parse_gate(f"clip>={CLIP_CEILING:g}")
    assert parse_gate("clip<=85")


@given(st.text())
def test_any_text_is_a_gate_or_one_clear_line(text: str) -> None:
    try:
        gate = parse_gate(text)
    except GateError:
        return
    assert parse_gate(str(gate)) == gate
