"""A server's refusals and failures → one readable line each.

A line names the node as people know it, the input, the value given, and what would be allowed. It
never repeats the inputs that a server sends along with a failure, nor values of inputs that look
like secrets.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.comfy.events import Failed

_LINES = 3
"""So many errors are told in full; the rest is counted."""
_LISTED = 8
"""So many allowed values are listed."""
_WIDTH = 200
_SECRET = re.compile(r"key|token|secret|passw|auth", re.IGNORECASE)
_FILE = re.compile(r"\.[A-Za-z0-9]{2,11}$")


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains for one graph on one server."""

    server: str
    """The address as users know it."""
    graph: Mapping[str, Any]
    """API format."""
    object_info: Mapping[str, Any]
    """`/object_info`, for choices that an answer leaves out; may be empty."""

    def rejection(self, body: object) -> str:
        """The body of a 400 to POST `/prompt`."""
        answer = _mapping(body)
        lines = self.dropped(answer.get("node_errors")) or (
            self._whole(_mapping(answer.get("error"))),
        )
        more = f"; and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
        return f"{self.server} refuses the workflow: {'; '.join(lines[:_LINES])}{more}"

    def dropped(self, node_errors: object) -> tuple[str, ...]:
        """The `node_errors` of a 400, or beside a 200: one line for each wrong input."""
        by_node = _mapping(node_errors)
        lines = []
        for node in sorted(by_node, key=self._place):
            errors = _mapping(by_node[node]).get("errors")
            for error in errors if isinstance(errors, list) else ():
                lines.append(f"{self._label(node)}: {self._input(node, _mapping(error))}")
        return tuple(lines)

    def failure(self, failed: Failed) -> str:
        """A node that raised, or held its output back."""
        where = self._label(failed.node) if failed.node else "the prompt"
        message = _line(failed.message.strip().partition("\n")[0])
        if failed.blocked:
            return f"{where} gave no output: {message}"
        if failed.out_of_memory:
            return f"{where} ran out of memory on {self.server}: {message}"
        kind = failed.exception_type.rpartition(".")[2]
        return f"{where} failed on {self.server}: " + ": ".join(
            filter(None, (_line(kind), message))
        )

    def unknown_class(self, node: str) -> str:
        """A node whose class the server does not have."""
        class_type = _mapping(self.graph.get(node)).get("class_type")
        if class_type is None:
            return f"node #{_line(node)} has no class_type: this is not API format"
        missing = f"{_value(class_type)} is not installed on {self.server}"
        return f"{self._label(node)}: {missing}{_nearest(class_type, list(self.object_info))}"

    def unknown_choice(self, node: str, name: str, choices: object) -> str:
        """An input whose value, perhaps a model file, is none of the choices."""
        value = _mapping(_mapping(self.graph.get(node)).get("inputs")).get(name)
        return f"{self._label(node)}: {_line(name)} {self._choice(value, choices)}"

    def _whole(self, error: Mapping[str, Any]) -> str:
        """An error of the whole prompt."""
        kind, message = str(error.get("type", "")), _line(error.get("message", ""))
        details = str(error.get("details", ""))
        if kind == "prompt_no_outputs":
            return "it has no output node, such as SaveImage, so there is nothing to run"
        if named := re.fullmatch(r"Node ID '#(.*)'", details):
            return self.unknown_class(named[1])
        return ": ".join(filter(None, (message, _line(details)))) or "it does not say why"

    def _input(self, node: str, error: Mapping[str, Any]) -> str:
        """What is wrong with one input."""
        about = _mapping(error.get("extra_info"))
        name = str(about.get("input_name", ""))
        type_, config = self._config(node, name, about.get("input_config"))
        value = "(hidden)" if _SECRET.search(name) else _value(about.get("received_value"))
        match error.get("type"):
            case "required_input_missing":
                return f"required input '{_line(name)}' is missing"
            case "value_smaller_than_min" | "value_bigger_than_max":
                least, most = config.get("min", "any"), config.get("max", "any")
                return f"{_line(name)} is {value}; allowed are {_value(least)} to {_value(most)}"
            case "value_not_in_list":
                choices = type_ if isinstance(type_, list) else config.get("options")
                return f"{_line(name)} {self._choice(about.get('received_value'), choices)}"
            case "invalid_input_type":
                return f"{_line(name)} is {value}, which is no {_line(type_)}"
            case "return_type_mismatch":
                return (
                    f"{_line(name)} takes {_line(type_)}, not {_line(about.get('received_type'))}"
                )
            case "exception_during_validation" | "exception_during_inner_validation":
                if loose := self._loose_link(node):
                    return loose
        message, details = _line(error.get("message", "")), _line(error.get("details", ""))
        return ": ".join(filter(None, (message, details))) or "is not valid"

    def _loose_link(self, node: str) -> str | None:
        for name, value in _mapping(_mapping(self.graph.get(node)).get("inputs")).items():
            match value:
                case [str(source), int()] if source not in self.graph:
                    return f"{_line(name)} is linked to node #{_line(source)}, which is not there"
        return None

    def _choice(self, value: object, choices: object) -> str:
        """A value that is none of the choices, which may be files."""
        names = [str(choice) for choice in choices] if isinstance(choices, list) else []
        files = any(map(_FILE.search, [str(value), *names[:1]]))
        missing = f"{_value(value)} is not {'installed on' if files else 'known to'} {self.server}"
        instead = _nearest(value, names)
        if names and not instead:
            listed = ", ".join(map(_line, names[:_LISTED]))
            instead = f"; there are {listed}{', …' if len(names) > _LISTED else ''}"
        return missing + instead

    def _config(self, node: str, name: str, told: object) -> tuple[object, Mapping[str, Any]]:
        """An input's type (or list of choices) and its options."""
        if not told:
            class_type = _mapping(self.graph.get(node)).get("class_type")
            inputs = _mapping(_mapping(self.object_info.get(str(class_type))).get("input"))
            told = _mapping(inputs.get("required")).get(name) or _mapping(
                inputs.get("optional")
            ).get(name)
        match told:
            case [type_, dict(options), *_]:
                return type_, options
            case [type_, *_]:
                return type_, {}
        return "", {}

    def _label(self, node: str) -> str:
        content = _mapping(self.graph.get(node))
        class_type = _line(content.get("class_type", "node"))
        title = _line(_mapping(content.get("_meta")).get("title", ""))
        if title and title != class_type:
            return f"'{title}' ({class_type} #{_line(node)})"
        return f"{class_type} #{_line(node)}"

    def _place(self, node: str) -> int:
        return list(self.graph).index(node) if node in self.graph else len(self.graph)


def _nearest(value: object, names: list[str]) -> str:
    """Proposes the name most like `value`, extensions aside, or the only one there is."""
    stems = {_FILE.sub("", name).casefold(): name for name in names}
    near = difflib.get_close_matches(_FILE.sub("", str(value)).casefold(), stems, n=1)
    if not near and len(names) != 1:
        return ""
    return f"; did you mean {_value(stems[near[0]] if near else names[0])}?"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _value(value: object) -> str:
    return repr(_line(value)) if isinstance(value, str) else _line(value)


def _line(text: object) -> str:
    """A server's text on one line, short and printable: it goes to a terminal."""
    words = " ".join(str(text).split())
    printable = "".join(char for char in words if char.isprintable())
    return printable if len(printable) <= _WIDTH else printable[: _WIDTH - 1] + "…"
