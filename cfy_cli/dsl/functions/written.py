"""Reading free values: plain data in which functions may be called."""

from typing import Any

from cfy_cli.dsl.functions.names import OF_INPUTS, OF_NODES, called
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node

PLACES = ("SELF", "SOURCE", "TARGET")  # words for nodes that only a node or a relationship gives a meaning


def read_value(reading: Reading, node: Node) -> Any:
    """The plain value; where each call was written is remembered, and names in it get their namespace."""
    value = node.value
    if isinstance(value, dict):
        plain = {key: read_value(reading, item) for key, item in value.items()}
        name = called(plain)
        if name is None:
            return plain
        if node.source.namespace:
            plain[name] = _qualified(name, plain[name], node)
        return reading.remember(plain, node)
    if isinstance(value, list):
        return [read_value(reading, item) for item in value]
    return value


def _qualified(name: str, arguments: Any, node: Node) -> Any:
    if name not in (*OF_INPUTS, *OF_NODES):
        return arguments
    if isinstance(arguments, str):
        return node.source.qualify(arguments) if name in OF_INPUTS else arguments
    if isinstance(arguments, list) and arguments and isinstance(arguments[0], str) and arguments[0] not in PLACES:
        return [node.source.qualify(arguments[0]), *arguments[1:]]
    return arguments
