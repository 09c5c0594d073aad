"""Resolution of the names that a blueprint refers to."""

from collections.abc import Mapping

from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.problems import suggest
from cfy_cli.dsl.yaml_nodes import YamlNode

_NOUNS = {
    "data_types": "data type",
    "groups": "group",
    "node_templates": "node",
    "node_types": "node type",
    "policy_triggers": "policy trigger",
    "policy_types": "policy type",
    "relationships": "relationship",
}
_TYPES_ELSEWHERE = {  # as other languages name the primitive types
    "any": "dict",
    "array": "list",
    "bool": "boolean",
    "double": "float",
    "int": "integer",
    "map": "dict",
    "number": "integer",
    "object": "dict",
    "str": "string",
    "text": "string",
}
_TYPO_CUTOFF = 0.95  # similarity of a name that is misspelt rather than missing


def check_references(compilation: Compilation, sections: Mapping[str, YamlNode], *, complete: bool) -> None:
    """Report every reference to an undefined name.

    If the document is not `complete` because an import was not found, report only names that look misspelt.
    """
    defined: dict[tuple[str, ...], set[str]] = {}
    for reference in compilation.references:
        if reference.sections not in defined:
            defined[reference.sections] = {
                name for section in reference.sections if section in sections for name, _ in sections[section].items()
            }
        names = defined[reference.sections]
        if reference.name in names:
            continue
        alias = _TYPES_ELSEWHERE.get(reference.name.lower()) if "data_types" in reference.sections else None
        if complete or alias or suggest(reference.name, names, cutoff=_TYPO_CUTOFF):
            noun = " or ".join(_NOUNS[section] for section in reference.sections)
            hint = f"; did you mean `{alias}`?" if alias else suggest(reference.name, names)
            compilation.report(reference.node, "unknown-name", f"there is no {noun} `{reference.name}`{hint}")
