"""Nodes that hold a plain value."""

from typing import Any, Final

from orchestrator.sandbox.nodes.base import Input, node

_PRIMITIVE: Final[dict[str, Any]] = {"module": "comfy_extras.nodes_primitive", "modern": True}
_INT_MAX: Final = 2**63 - 1
_RANGE: Final = {"min": -_INT_MAX, "max": _INT_MAX}


def _value(name: str, title: str, kind: str, **options: Any) -> None:
    @node(name, "utils/primitive", {"value": Input(kind, options)}, kind, title=title, **_PRIMITIVE)
    def hold(value: Any) -> Any:
        return value


_value("PrimitiveString", "String", "STRING", multiline=False)
_value("PrimitiveStringMultiline", "String (Multiline)", "STRING", multiline=True)
_value("PrimitiveInt", "Int", "INT", control_after_generate=True, **_RANGE)
_value("PrimitiveFloat", "Float", "FLOAT", **_RANGE)
_value("PrimitiveBoolean", "Boolean", "BOOLEAN")


@node(
    "StringConcatenate",
    "utils/string",
    {
        "string_a": Input("STRING", {"multiline": True}),
        "string_b": Input("STRING", {"multiline": True}),
        "delimiter": Input("STRING", {"default": "", "multiline": False}),
    },
    "STRING",
    title="Concatenate",
    module="comfy_extras.nodes_string",
    modern=True,
)
def concatenate(string_a: str, string_b: str, delimiter: str) -> str:
    return delimiter.join((string_a, string_b))
