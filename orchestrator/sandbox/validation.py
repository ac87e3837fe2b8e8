"""Whether a graph can run: ComfyUI's checks, in its order, with its error bodies.

An output that fails is dropped; the graph is refused only when none is left. Values are converted
in place (`"20"` becomes 20), as ComfyUI does. That a broken link or a missing `inputs` ends in an
"exception during validation" is its behaviour too, and clients have to live with it.
"""

import traceback
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator.sandbox.files import Folders
from orchestrator.sandbox.nodes import NODES, Node

Error = dict[str, Any]
_CONVERTERS: Final = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_LISTED_MAX: Final = 20
"""Longer lists of choices are left out of error bodies."""


@dataclass(frozen=True, slots=True)
class Validation:
    """`error` is set when nothing can run; `node_errors` may come with either ending."""

    outputs: tuple[str, ...] = ()
    error: Error | None = None
    node_errors: Mapping[str, Any] = field(default_factory=dict)


def validate(
    graph: dict[str, Any], folders: Folders, targets: Collection[str] | None = None
) -> Validation:
    """Check a graph as decoded from JSON. `targets` limits which output nodes are wanted."""
    outputs = []
    for node_id in graph:
        content = graph[node_id]
        if "class_type" not in content:
            return _refused(
                "invalid_prompt",
                "Cannot execute because a node is missing the class_type property.",
                f"Node ID '#{node_id}'",
            )
        node = NODES.get(content["class_type"])
        if node is None:
            return _refused(
                "invalid_prompt",
                f"Cannot execute because node {content['class_type']} does not exist.",
                f"Node ID '#{node_id}'",
            )
        if node.is_output and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return _refused("prompt_no_outputs", "Prompt has no outputs", "")
    return _Check(graph, folders).outputs(outputs)


def _refused(
    kind: str, message: str, details: str, node_errors: Mapping[str, Any] | None = None
) -> Validation:
    return Validation(error=_error(kind, message, details), node_errors=node_errors or {})


def _error(kind: str, message: str, details: str, **extra_info: Any) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}


def _exception(kind: str, message: str, error: Exception, **extra_info: Any) -> Error:
    extra_info |= {
        "exception_type": type(error).__name__,
        "traceback": traceback.format_tb(error.__traceback__),
    }
    return _error(kind, message, str(error), **extra_info)


class _Check:
    """One pass over a graph. `results` holds each visited node's own errors; None: fine."""

    def __init__(self, graph: dict[str, Any], folders: Folders) -> None:
        self._graph = graph
        self._folders = folders
        self._results: dict[str, list[Error] | None] = {}

    def outputs(self, wanted: Collection[str]) -> Validation:
        good: list[str] = []
        lines: list[str] = []
        node_errors: dict[str, Any] = {}
        for output in wanted:
            try:
                errors = self._node(output)
            except Exception as error:
                errors = self._results[output] = [
                    _exception(
                        "exception_during_validation", "Exception when validating node", error
                    )
                ]
            if errors is None:
                good.append(output)
                continue
            lines += [f"{error['message']}: {error['details']}" for error in errors]
            for node_id, found in self._results.items():
                if found:
                    entry = node_errors.setdefault(
                        node_id,
                        {
                            "errors": found,
                            "dependent_outputs": [],
                            "class_type": self._graph[node_id]["class_type"],
                        },
                    )
                    entry["dependent_outputs"].append(output)
        if good:
            return Validation(tuple(good), None, node_errors)
        return _refused(
            "prompt_outputs_failed_validation",
            "Prompt outputs failed validation",
            "\n".join(lines),
            node_errors,
        )

    def _node(self, node_id: str) -> list[Error] | None:
        """Check a node and all it depends on. None: fine; a list, perhaps empty: not."""
        if node_id in self._results:
            return self._results[node_id]
        content = self._graph[node_id]
        inputs, node = content["inputs"], NODES[content["class_type"]]
        errors: list[Error] = []
        sound = True
        for name, wanted in node.inputs.items():
            if name not in inputs:
                if not wanted.optional:
                    errors.append(
                        _error(
                            "required_input_missing",
                            "Required input is missing",
                            name,
                            input_name=name,
                        )
                    )
            elif isinstance(inputs[name], list):
                problem, upstream_sound = self._link(node, name, inputs[name])
                errors += problem
                sound = sound and upstream_sound
            else:
                errors += _value(node, name, inputs)
        for name, check in node.checks.items():
            if isinstance(inputs.get(name), str):
                complaint = check(inputs[name], self._folders)
                if complaint is not None:
                    errors.append(
                        _error(
                            "custom_validation_failed",
                            "Custom validation failed for node",
                            f"{name} - {complaint}",
                            input_name=name,
                        )
                    )
        self._results[node_id] = None if sound and not errors else errors
        return self._results[node_id]

    def _link(self, node: Node, name: str, link: list[Any]) -> tuple[list[Error], bool]:
        """Errors of the link itself, and whether what it leads to is sound."""
        info: dict[str, Any] = {"input_name": name, "input_config": node.config(name)}
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return [_error("bad_linked_input", message, name, **info, received_value=link)], True
        source, slot = link
        received = NODES[self._graph[source]["class_type"]].outputs[slot]
        expected = info["input_config"][0]
        if received != expected:
            return [
                _error(
                    "return_type_mismatch",
                    "Return type mismatch between linked nodes",
                    f"{name}, received_type({received}) mismatch input_type({expected})",
                    **info,
                    received_type=received,
                    linked_node=link,
                )
            ], True
        try:
            return [], self._node(source) is None
        except Exception as error:
            self._results[source] = [
                _exception(
                    "exception_during_inner_validation",
                    "Exception when validating inner node",
                    error,
                    **info,
                    exception_message=str(error),
                    linked_node=link,
                )
            ]
            return [], False


def _value(node: Node, name: str, inputs: dict[str, Any]) -> list[Error]:
    """Convert a plain value in place and check its range or its list."""
    wanted, value = node.inputs[name], inputs[name]
    if isinstance(value, dict) and "__value__" in value:
        value = inputs[name] = value["__value__"]
    info: dict[str, Any] = {"input_name": name, "input_config": node.config(name)}
    try:
        if isinstance(wanted.kind, str) and wanted.kind in _CONVERTERS:
            value = inputs[name] = _CONVERTERS[wanted.kind](value)
    except Exception as error:
        return [
            _error(
                "invalid_input_type",
                f"Failed to convert an input value to a {wanted.kind} value",
                f"{name}, {value}, {error}",
                **info,
                received_value=value,
                exception_message=str(error),
            )
        ]
    if name in node.checks:
        return []
    info["received_value"] = value
    low, high = wanted.options.get("min"), wanted.options.get("max")
    if low is not None and value < low:
        message = f"Value {value} smaller than min of {low}"
        return [_error("value_smaller_than_min", message, name, **info)]
    if high is not None and value > high:
        message = f"Value {value} bigger than max of {high}"
        return [_error("value_bigger_than_max", message, name, **info)]
    if isinstance(wanted.kind, tuple) and not node.modern and value not in wanted.kind:
        listed = str(list(wanted.kind))
        if len(wanted.kind) > _LISTED_MAX:
            listed = f"(list of length {len(wanted.kind)})"
            info["input_config"] = None
        details = f"{name}: '{value}' not in {listed}"
        return [_error("value_not_in_list", "Value not in list", details, **info)]
    return []
