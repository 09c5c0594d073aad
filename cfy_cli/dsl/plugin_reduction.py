"""Reduction of a plugin's file to the language before 1_4, for blueprints of earlier versions."""

from collections.abc import Iterator

from cfy_cli.dsl.value_types import REFERENCE_TYPES
from cfy_cli.dsl.versions import Version
from cfy_cli.dsl.yaml_nodes import YamlNode

NEEDS_REDUCTION_BEFORE: Version = (1, 4)
_ANY = "*"
_PARAMETERS = (
    ("data_types", _ANY, "properties", _ANY),
    ("inputs", _ANY),
    ("node_types", _ANY, "properties", _ANY),
    ("node_types", _ANY, "interfaces", _ANY, _ANY, "inputs", _ANY),
    ("relationships", _ANY, "source_interfaces", _ANY, _ANY, "inputs", _ANY),
    ("relationships", _ANY, "target_interfaces", _ANY, _ANY, "inputs", _ANY),
    ("workflows", _ANY, "parameters", _ANY),
)
_RULES = ("workflows", _ANY, "availability_rules")


def reduce_plugin(file: YamlNode) -> None:
    """Modify a plugin's file as public managers do when they store it: types that name resources become strings.

    Parameters with a type of their items are removed, and so are the availability rules of workflows.
    """
    for path in _PARAMETERS:
        for parent, name, parameter in _select(file, path):
            kind = parameter.get("type")
            if kind is not None and kind.value in REFERENCE_TYPES:
                kind.value = "string"
                _remove(parameter, "constraints")
            elif parameter.get("item_type") is not None:
                _remove(parent, name)
    for parent, name, _ in _select(file, _RULES):
        _remove(parent, name)


def _select(node: YamlNode, path: tuple[str, ...]) -> Iterator[tuple[YamlNode, str, YamlNode]]:
    """Iterate over the entries at a path, each with the mapping that holds it."""
    step, *rest = path
    for key, item in list(node.items()):
        if step in (_ANY, key):
            if rest:
                yield from _select(item, tuple(rest))
            else:
                yield node, key, item


def _remove(node: YamlNode, key: str) -> None:
    if isinstance(node.value, dict):
        node.value.pop(key, None)
