"""Resolution of the names that a blueprint refers to."""

from collections.abc import Mapping

from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.imports import ImportedFiles
from cfy_cli.dsl.problems import closest_name, suggest
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
_TEMPLATES = frozenset({"groups", "node_templates"})  # plugins define none
_TYPO_CUTOFF = 0.95  # similarity of a name that is misspelt rather than missing


def check_references(compilation: Compilation, sections: Mapping[str, YamlNode], imported: ImportedFiles) -> None:
    """Report every reference to an undefined name.

    If an import is missing that may define the name, only a name that looks misspelt is an error.
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
        known = [imported.known_names.get(section, set()) for section in reference.sections]
        elsewhere: set[str] = set().union(*known)
        if reference.name in elsewhere:
            continue
        noun = " or ".join(_NOUNS[section] for section in reference.sections)
        alias = _TYPES_ELSEWHERE.get(reference.name.lower()) if "data_types" in reference.sections else None
        is_template = _TEMPLATES.issuperset(reference.sections)
        complete = imported.has_all_templates if is_template else imported.complete
        if complete or alias or suggest(reference.name, names, cutoff=_TYPO_CUTOFF):
            hint = f"; did you mean `{alias}`?" if alias else suggest(reference.name, names)
            compilation.report(reference.node, "unknown-name", f"there is no {noun} `{reference.name}`{hint}")
        elif similar := closest_name(reference.name, frozenset(elsewhere)):
            message = f"the {noun} `{reference.name}` is not known of the plugins that were not checked"
            compilation.warn(reference.node, "unknown-name", message, f"did you mean `{similar}`?")
        elif imported.has_unchecked:
            message = f"the {noun} `{reference.name}` was not checked: an import that is missing may define it"
            compilation.problems.note(reference.node.location, "unknown-name", message)
