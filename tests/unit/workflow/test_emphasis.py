import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import WorkflowError
from orchestrator.workflow.emphasis import parse, phrases, plain, render, weigh

MARKS = ["(", ")", "(", ")", ":", ",", "\\", "\\(", "\\)", ":1.2)", ":0)", "\0", "\1"]
WORDS = [" ", " ", "\n", "red", "circle", "and", "3:2", "embedding:x"]
PARTS = st.sampled_from(MARKS) | st.sampled_from(WORDS) | st.text(max_size=3)
PROMPTS = st.lists(PARTS, max_size=25).map("".join)
PRINTABLE = PROMPTS.map(lambda prompt: prompt.replace("\0", ""))
WEIGHTS = st.sampled_from([1.0, 1.3, 0.0, -1.5, 0.1234567, 1e-7])


def read(prompt: str) -> list[tuple[str, float]]:
    """What the encoder gets: texts and their weights."""
    return [(span.text, span.weight) for span in parse(prompt) if span.text]


def by_character(prompt: str) -> list[tuple[str, float]]:
    return [(char, weight) for text, weight in read(prompt) for char in text]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        # no marks
        ("", []),
        ("a cat", [("a cat", 1)]),
        (" a\ncat ", [(" a\ncat ", 1)]),
        ("a cat: red", [("a cat: red", 1)]),
        ("a cat:1.3", [("a cat:1.3", 1)]),
        ("[a cat]", [("[a cat]", 1)]),
        ("embedding:foo, a cat", [("embedding:foo, a cat", 1)]),
        # a group alone
        ("(cat)", [("cat", 1.1)]),
        ("(cat:1.3)", [("cat", 1.3)]),
        ("(cat: 1.3 )", [("cat", 1.3)]),
        ("(cat:0)", [("cat", 0)]),
        ("(cat:-1)", [("cat", -1)]),
        ("(cat:.5)", [("cat", 0.5)]),
        ("(cat:1e1)", [("cat", 10)]),
        ("(cat:1_0)", [("cat", 10)]),
        ("(cat:inf)", [("cat", math.inf)]),
        ("(a red cat, sitting:1.2)", [("a red cat, sitting", 1.2)]),
        # groups and text around them
        ("a (red) cat", [("a ", 1), ("red", 1.1), (" cat", 1)]),
        ("a (red:1.3) cat", [("a ", 1), ("red", 1.3), (" cat", 1)]),
        ("(a)(b)", [("a", 1.1), ("b", 1.1)]),
        ("(a:2)(b:3)", [("a", 2), ("b", 3)]),
        ("(a) ", [("a", 1.1), (" ", 1)]),
        # no number behind the last colon
        ("(cat:)", [("cat:", 1.1)]),
        ("(cat:red)", [("cat:red", 1.1)]),
        ("(cat:1,3)", [("cat:1,3", 1.1)]),
        ("(cat:1.3 )b", [("cat", 1.3), ("b", 1)]),
        ("(cat:1.3:red)", [("cat:1.3:red", 1.1)]),
        ("(3:2:1.4)", [("3:2", 1.4)]),
        ("(3:2)", [("3", 2)]),
        ("(embedding:foo:1.2)", [("embedding:foo", 1.2)]),
        ("(embedding:foo)", [("embedding:foo", 1.1)]),
        # a colon that comes first is no mark
        ("(:1.3)", [(":1.3", 1.1)]),
        ("( :1.3)", [(" ", 1.3)]),
        ("(::1.3)", [(":", 1.3)]),
        # nothing inside
        ("()", []),
        ("(())", []),
        ("a()b", [("a", 1), ("b", 1)]),
        ("(():1.3)", []),
        # nesting: numbers replace, bare groups multiply
        ("((cat))", [("cat", 1.1 * 1.1)]),
        ("(((cat)))", [("cat", 1.1 * 1.1 * 1.1)]),
        ("((cat:1.3))", [("cat", 1.3)]),
        ("((cat):1.3)", [("cat", 1.3 * 1.1)]),
        ("((cat:2):3)", [("cat", 2)]),
        ("(a (red) cat)", [("a ", 1.1), ("red", 1.1 * 1.1), (" cat", 1.1)]),
        ("(a (red) cat:1.5)", [("a ", 1.5), ("red", 1.5 * 1.1), (" cat", 1.5)]),
        ("(a (red:0.8) cat:1.5)", [("a ", 1.5), ("red", 0.8), (" cat", 1.5)]),
        ("(a (red:0.8))", [("a ", 1.1), ("red", 0.8)]),
        ("((red:0.8) cat)", [("red", 0.8), (" cat", 1.1)]),
        ("(a: (red:0.8))", [("a: ", 1.1), ("red", 0.8)]),
        ("(a (b (c:3)):2)", [("a ", 2), ("b ", 2 * 1.1), ("c", 3)]),
        # escapes
        (r"\(cat\)", [("(cat)", 1)]),
        (r"(cat \(big\):1.3)", [("cat (big)", 1.3)]),
        (r"a \(b (c)", [("a (b ", 1), ("c", 1.1)]),
        (r"(a\):1.3)", [("a)", 1.3)]),
        (r"(a\)", [("(a)", 1)]),
        (r"\\(a)", [("\\(a)", 1)]),
        ("a\\b", [("a\\b", 1)]),
        (r"\:", [("\\:", 1)]),
        ("\0\1 \0\2", [(") (", 1)]),
        # never closed
        ("(", [("(", 1)]),
        ("(a cat", [("(a cat", 1)]),
        ("a (red cat", [("a ", 1), ("(red cat", 1)]),
        ("(a (red) cat", [("(a (red) cat", 1)]),
        ("(a (red:1.3)", [("a ", 1.3), ("(red", 1.3)]),
        ("((a)", [("(a", 1.1)]),
        ("((((a))", [("((a", 1.1 * 1.1)]),
        # never opened
        (")", [(")", 1)]),
        ("a) cat", [("a) cat", 1)]),
        ("a) (red:1.3) cat", [("a) (red:1.3) cat", 1)]),
        (":) (a) (b)", [(":) (a) (b)", 1)]),
        ("a) ((b:2)", [("a) (", 1), ("b", 2)]),
        ("(a)) (b)", [("a", 1.1), (") (b)", 1)]),
    ],
)
def test_reads_what_comfyui_reads(prompt: str, expected: list[tuple[str, float]]) -> None:
    assert read(prompt) == expected
    assert render(parse(prompt)) == prompt


@given(st.one_of(PROMPTS, st.text()))
def test_an_untouched_prompt_is_rendered_as_it_was(prompt: str) -> None:
    assert render(parse(prompt)) == prompt


@given(st.text(alphabet=st.characters(exclude_characters="()\\\0"), min_size=1), WEIGHTS)
def test_a_group_has_the_weight_it_is_given(words: str, weight: float) -> None:
    assert read(f"({words}:{weight!r})") == [(words, weight)]
    assert read(f"x ({words}:{weight!r}), y") == [("x ", 1), (words, weight), (", y", 1)]


def test_nesting_as_deep_as_a_prompt_can_be_is_read() -> None:
    deep = "(" * 3000 + "a:2" + ")" * 3000
    assert read(deep) == [("a", 2.0)]


@pytest.mark.parametrize(
    ("prompt", "phrase", "weight", "expected"),
    [
        ("a red cat", "red cat", 1.3, "a (red cat:1.3)"),
        ("a red cat", "red", 1.25, "a (red:1.25) cat"),
        ("a red cat", "red", 1, "a red cat"),
        ("a RED  cat", "red cat", 1.3, "a (RED  cat:1.3)"),
        ("red, scared, red", "red", 2, "(red:2), scared, (red:2)"),
        # marks that are there
        ("a (red cat:1.2)", "red cat", 1.3, "a (red cat:1.3)"),
        ("a (red cat)", "red cat", 1.3, "a (red cat:1.3)"),
        ("a (red cat)", "red cat", 1.1, "a (red cat)"),
        ("a (red cat:1.2) on grey", "red cat", 1, "a red cat on grey"),
        ("a ((red cat))", "red cat", 1.3, "a ((red cat:1.3))"),
        ("(a (red:1.2) cat:1.5)", "red", 1.5, "(a red cat:1.5)"),
        # one phrase among others in a group
        ("(a red cat:1.2)", "red", 1.5, "(a (red:1.5) cat:1.2)"),
        ("(a red cat)", "cat", 1, "(a red (cat:1))"),
        # across marks
        ("a (large:1.2) red cat", "large red cat", 1.5, "a (large:1.5)( red cat:1.5)"),
        ("a (very large:1.2) cat", "large cat", 1.5, "a (very (large:1.5):1.2)( cat:1.5)"),
        # escapes
        (r"a cat \(big\), red", "cat (big)", 1.3, r"a (cat \(big\):1.3), red"),
        (r"a cat \(big\), red", "red", 1.3, r"a cat \(big\), (red:1.3)"),
        # an embedding is not its name
        ("embedding:cat, a cat", "cat", 1.3, "embedding:cat, a (cat:1.3)"),
        # where marks alone would be read differently
        (":) a red cat", "red", 1.3, r":\) a (red:1.3) cat"),
        ("(a red cat", "cat", 1.3, r"\(a red (cat:1.3)"),
        ("\\red", "red", 1.3, "(\\:1)(red:1.3)"),
    ],
)
def test_a_phrase_gets_its_weight(prompt: str, phrase: str, weight: float, expected: str) -> None:
    assert weigh(prompt, {phrase: weight}) == expected


def test_several_phrases_get_theirs() -> None:
    weighed = weigh("a red cat on a blue mat", {"red cat": 1.2, "blue mat": 0.8, "mat": 1.5})
    assert weighed == "a (red cat:1.2) on a (blue (mat:1.5):0.8)"
    back = weigh(weighed, {"red cat": 1, "blue": 1, "mat": 0.8})
    assert back == "a red cat on a ((blue:1) mat:0.8)"


@pytest.mark.parametrize("phrase", ["dog", "at", "red  dog", "", " ", "(cat)"])
def test_a_phrase_that_does_not_occur_is_an_error(phrase: str) -> None:
    with pytest.raises(WorkflowError, match=r"does not have the phrase .*: a red cat"):
        weigh("a (red cat:1.2)", {phrase: 1.3})


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_is_a_number(weight: float) -> None:
    with pytest.raises(WorkflowError, match="not a number"):
        weigh("a red cat", {"cat": weight})


@given(PRINTABLE, WEIGHTS, st.data())
def test_a_weight_reaches_its_phrase_and_nothing_else(
    prompt: str, weight: float, data: st.DataObject
) -> None:
    known = phrases(prompt)
    if not known:
        return
    phrase = data.draw(st.sampled_from(known))
    before, after = by_character(prompt), by_character(weigh(prompt, {phrase: weight}))
    assert [char for char, _ in after] == [char for char, _ in before]
    moved = [new for new, old in zip(after, before, strict=True) if new != old]
    assert all(got == weight for _, got in moved)
    assert sum(got == weight for _, got in after) >= len("".join(phrase.split()))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red cat", "a red cat"),
        ("", ""),
        ("a (red:1.3) ((cat))", "a red cat"),
        (r"a cat \(big\)", "a cat (big)"),
        ("  a\n red\tcat ", "a red cat"),
        ("a cat, , blue,", "a cat, blue"),
        (", a cat ,blue", "a cat ,blue"),
        ("embedding:good, a cat, embedding:bad", "a cat"),
        ("a cat embedding:good sitting", "a cat sitting"),
        ("a cat,\nembedding:bad", "a cat"),
        ("a cat (embedding:bad:1.2), red", "a cat, red"),
        ("embedding:a embedding:b", ""),
        ("no embedding: here", "no here"),
        ("1,000 birds", "1,000 birds"),
    ],
)
def test_the_prompt_for_scoring_is_plain(prompt: str, expected: str) -> None:
    assert plain(prompt) == expected


@given(PRINTABLE.map(lambda prompt: prompt.replace("embedding:", "")))
def test_the_plain_prompt_is_on_one_line_and_does_not_depend_on_weights(prompt: str) -> None:
    words = plain(prompt)
    assert words == " ".join(words.split())
    for phrase in phrases(prompt):
        assert plain(weigh(prompt, {phrase: 1.3})) == words


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "a large red circle above a small blue square, on a grey background",
            ("large red circle", "small blue square", "grey background"),
        ),
        ("a cat to the left of the Dog", ("cat", "Dog")),
        ("a (red cat:1.3) with an umbrella, a red cat", ("red cat", "umbrella")),
        ("portrait, 4k, , best quality.", ("portrait", "4k", "best quality")),
        ("hands-on andiron", ("hands-on andiron",)),
        ("embedding:good cat embedding:bad", ("cat",)),
        ("a cat\na dog; a bird. the end", ("cat", "dog", "bird", "end")),
        ("version 1.5", ("version 1.5",)),
        ("", ()),
        (" , (:) ", ()),
    ],
)
def test_phrases_are_what_stands_between_commas_and_relations(
    prompt: str, expected: tuple[str, ...]
) -> None:
    assert phrases(prompt) == expected
