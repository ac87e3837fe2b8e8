"""ComfyUI's prompt emphasis: `(red circle:1.3)` is read with weight 1.3, `(red circle)` with 1.1.

The grammar, as its text encoder has it:

- A group runs from a parenthesis at the outermost level to the one that closes it. What it weighs:
  the number behind its *last* colon if there is one, whatever surrounds it; or else 1.1 times what
  surrounds it. Groups nest.
- `\\(` and `\\)` are parentheses of the text.
- What is never closed is text, with one quirk: if the prompt (or group) ends in a parenthesis all
  the same, the unclosed stretch is a group. A stray `)` is text, and so is the next `(` after it.

Here lives the text only. Which phrases to weigh, and how much, is up to `search`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from orchestrator.errors import WorkflowError
from orchestrator.workflow.graph import one_line

GROUP_FACTOR = 1.1

_PARENTHESIS = re.compile(r"\\[()]|[()]")
_ESCAPE = re.compile(r"\\([()])|\0([\1\2])")
_UNIT = re.compile(r"\\[()]|\0[\1\2]|.", re.DOTALL)
"""The source of one character. The encoder turns escapes into NUL pairs before it reads a prompt,
so a prompt that holds such a pair gets a parenthesis from it."""
_EMBEDDING = re.compile(r"(?:^|(?<=[ \n]))embedding:\S*?(?=,*(?:\s|$))")
_EMPTY_ITEMS = re.compile(r"\s*,(?:\s*,)*(?=\s|$)")
_RELATIONS = (
    "to the left of|to the right of|left of|right of|in front of|on top of|next to|"
    "above|below|over|under|underneath|beneath|behind|beside|between|near|against|"
    "inside|on|in|at|with|and"
)
_PHRASE_END = re.compile(rf"[,;\n]|\.(?=\s|$)|(?<![\w-])(?:{_RELATIONS})(?![\w-])", re.IGNORECASE)
_ARTICLE = re.compile(r"\A(?:an?|the)\s+", re.IGNORECASE)


class Span(NamedTuple):
    """A stretch of a prompt that is all text or all mark."""

    text: str
    """What is encoded, escapes undone; empty for a mark."""
    weight: float
    """The text's weight; for a mark, the weight of what surrounds its group."""
    source: str
    """As it is written in the prompt."""


def parse(text: str) -> tuple[Span, ...]:
    """The prompt's spans in order; their sources make up the prompt."""
    spans: list[Span] = []
    waiting: list[Span | tuple[str, float]] = [(text, 1.0)]
    while waiting:
        match waiting.pop():
            case Span() as span:
                spans.append(span)
            case (stretch, weight):
                waiting.extend(reversed(list(_opened(stretch, weight))))
    return tuple(spans)


def render(spans: tuple[Span, ...]) -> str:
    return "".join(span.source for span in spans)


def weigh(text: str, weights: Mapping[str, float]) -> str:
    """The prompt with the phrases' weights set, wherever they occur, whatever marks they had.

    Weights are absolute (1 is none). The rest stays as it is written; only where new marks would be
    read differently (behind a stray parenthesis, say) is the prompt written anew, with the same
    meaning. Raises WorkflowError for a phrase that does not occur.
    """
    for phrase, weight in weights.items():
        if not math.isfinite(weight):
            raise WorkflowError(f'the weight of "{one_line(phrase)}" is {weight}, not a number')
        text = _weighed(text, phrase, float(weight))
    return text


def plain(text: str) -> str:
    """The prompt for scoring: no marks, escapes or embeddings, and single spaces."""
    return " ".join(_EMPTY_ITEMS.sub(",", _words(parse(text))).split()).strip(" ,")


def phrases(text: str) -> tuple[str, ...]:
    """What a search may weigh: the parts between commas and relations, without articles."""
    found: dict[str, str] = {}
    for part in _PHRASE_END.split(_words(parse(text))):
        phrase = _ARTICLE.sub("", " ".join(part.split()).strip(" ."))
        if any(char.isalnum() for char in phrase):
            found.setdefault(phrase.casefold(), phrase)
    return tuple(found.values())


def _opened(stretch: str, weight: float) -> Iterator[Span | tuple[str, float]]:
    """The spans of a stretch, its groups as marks around a stretch of their own."""
    for piece in _pieces(stretch):
        if piece[0] != "(" or piece[-1] != ")" or piece[-2:] == "\\)" or len(piece) < 2:
            yield Span(_ESCAPE.sub(_unescaped, piece), weight, piece)
            continue
        inner, closing, inside = piece[1:-1], ")", weight * GROUP_FACTOR
        colon = inner.rfind(":")
        if colon > 0:
            try:
                inside = float(inner[colon + 1 :])
            except ValueError:
                pass
            else:
                inner, closing = inner[:colon], f"{inner[colon:]})"
        yield Span("", weight, "(")
        yield inner, inside
        yield Span("", weight, closing)


def _pieces(stretch: str) -> Iterator[str]:
    """Cut before the `(` that opens a group at the outermost level, and behind its `)`."""
    depth = start = 0
    for found in _PARENTHESIS.finditer(stretch):
        if found[0] == "(":
            if depth == 0 and start < found.start():
                yield stretch[start : found.start()]
                start = found.start()
            depth += 1
        elif found[0] == ")":
            depth -= 1
            if depth == 0:
                yield stretch[start : found.end()]
                start = found.end()
    if start < len(stretch):
        yield stretch[start:]


def _unescaped(escape: re.Match[str]) -> str:
    return escape[1] or {"\1": ")", "\2": "("}[escape[2]]


def _weighed(text: str, phrase: str, weight: float) -> str:
    spans = parse(text)
    found = _occurrences(phrase, _words(spans))
    if not found:
        raise WorkflowError(
            f'the prompt does not have the phrase "{one_line(phrase)}": {one_line(plain(text))}'
        )
    wanted = _weight_of_each(spans)
    for start, end in found:
        wanted[start:end] = [weight] * (end - start)
    encoded = "".join(span.text for span in spans)
    marked = _marked(spans, found, weight)
    after = parse(marked)
    if "".join(span.text for span in after) == encoded and _weight_of_each(after) == wanted:
        return marked
    return _written_anew(encoded, wanted)


def _words(spans: tuple[Span, ...]) -> str:
    """The text with line breaks in place of embeddings, all in its old position."""
    return "".join(_EMBEDDING.sub(lambda m: "\n" * len(m[0]), span.text) for span in spans)


def _occurrences(phrase: str, words: str) -> list[tuple[int, int]]:
    """Where the phrase begins and ends, whole words only, in any case and spacing."""
    pattern = r"\s+".join(map(re.escape, phrase.split()))
    if not pattern:
        return []
    begin = r"(?<!\w)" if re.match(r"\w", phrase.lstrip()) else ""
    end = r"(?!\w)" if re.search(r"\w\Z", phrase.rstrip()) else ""
    return [m.span() for m in re.finditer(begin + pattern + end, words, re.IGNORECASE)]


def _weight_of_each(spans: tuple[Span, ...]) -> list[float]:
    """The weight of each character of the text."""
    return [span.weight for span in spans for _ in span.text]


def _marked(spans: tuple[Span, ...], found: list[tuple[int, int]], weight: float) -> str:
    """Marks put around the found stretches of text, span by span."""
    sources = [span.source for span in spans]
    begins = accumulate((len(span.text) for span in spans), initial=0)
    for i, (span, begin) in enumerate(zip(spans, begins, strict=False)):
        size = len(span.text)
        cuts = [(max(a - begin, 0), min(b - begin, size)) for a, b in found]
        cuts = [(a, b) for a, b in cuts if a < b]
        if not cuts or span.weight == weight:
            continue
        if cuts == [(0, size)] and _alone_in_group(spans, i):
            if spans[i - 1].weight == weight:
                sources[i - 1] = sources[i + 1] = ""
            else:
                sources[i + 1] = f":{_number(weight)})"
            continue
        units = _UNIT.findall(span.source)
        for a, b in cuts:
            units[a] = "(" + units[a]
            units[b - 1] += f":{_number(weight)})"
        sources[i] = "".join(units)
    return "".join(sources)


def _alone_in_group(spans: tuple[Span, ...], i: int) -> bool:
    around = spans[max(i - 1, 0) : i + 2]
    return (
        len(around) == 3
        and not around[0].text
        and not around[2].text
        and around[0].source == "("
        and around[2].source != "("
    )


def _written_anew(encoded: str, weights: list[float]) -> str:
    """The plainest prompt that says `encoded` with these weights, one for each character."""
    ends = [i for i in range(1, len(encoded)) if weights[i] != weights[i - 1]] + [len(encoded)]
    parts: list[str] = []
    start = 0
    for end in ends:
        source = re.sub(r"[()]", r"\\\g<0>", encoded[start:end])
        # A backslash would escape the parenthesis that may come next.
        bare = weights[start] == 1 and not source.endswith("\\")
        parts.append(source if bare else f"({source}:{_number(weights[start])})")
        start = end
    return "".join(parts)


def _number(weight: float) -> str:
    short = f"{weight:g}"
    return short if float(short) == weight else repr(weight)
