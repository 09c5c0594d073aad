"""Parsing of free values: plain data that may contain calls of functions."""

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.functions.names import INPUT_FUNCTIONS, NODE_FUNCTIONS, called_function, similar_function
from cfy_cli.dsl.yaml_nodes import YamlNode

CONTEXT_NODES = ("SELF", "SOURCE", "TARGET")  # words that mean a node in the context of a node or relationship


def parse_value(compilation: Compilation, node: YamlNode) -> Json:
    """Return the plain value; record where each call is written, and qualify the names in it with their namespace."""
    value = node.value
    if isinstance(value, dict):
        plain: JsonObject = {key: parse_value(compilation, item) for key, item in value.items()}
        name = called_function(plain)
        if name is None:
            if len(plain) == 1:
                _check_key(compilation, node)
            return plain
        if node.source.namespace:
            plain[name] = _qualify(name, plain[name], node)
        return compilation.record_origin(plain, node)
    if isinstance(value, list):
        return [parse_value(compilation, item) for item in value]
    return value


def _check_key(compilation: Compilation, node: YamlNode) -> None:
    """Warn of a mapping whose only key is nearly the name of a function."""
    key = next((key for key, _ in node.items()), "")
    similar = similar_function(key)
    if similar:
        message = f"there is no function `{key}`, so that this is a plain mapping"
        compilation.warn(node.key_location(key), "function", message, f"did you mean `{similar}`?")


def _qualify(name: str, arguments: Json, node: YamlNode) -> Json:
    if name not in (*INPUT_FUNCTIONS, *NODE_FUNCTIONS):
        return arguments
    if isinstance(arguments, str):
        return node.source.qualify(arguments) if name in INPUT_FUNCTIONS else arguments
    node_name = arguments[0] if isinstance(arguments, list) and arguments else None
    if isinstance(arguments, list) and isinstance(node_name, str) and node_name not in CONTEXT_NODES:
        return [node.source.qualify(node_name), *arguments[1:]]
    return arguments
