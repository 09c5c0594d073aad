"""Looking up the names that a blueprint mentions."""

from collections.abc import Mapping

from cfy_cli.dsl.problems import near
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.source import Node

_CALLED = {
    "data_types": "data type",
    "groups": "group",
    "node_templates": "node",
    "node_types": "node type",
    "policy_triggers": "policy trigger",
    "policy_types": "policy type",
    "relationships": "relationship",
}


def look_up(reading: Reading, sections: Mapping[str, Node], *, whole: bool) -> None:
    """Tell every mention of a name that nothing has.

    When the document is not `whole`, for an import could not be had, only names that look misspelt are told.
    """
    known: dict[tuple[str, ...], set[str]] = {}
    for mention in reading.mentions:
        if mention.sections not in known:
            known[mention.sections] = {
                name for each in mention.sections if each in sections for name, _ in sections[each].items()
            }
        names = known[mention.sections]
        if mention.name not in names and (whole or near(mention.name, names, likeness=0.95)):
            what = " or ".join(_CALLED[section] for section in mention.sections)
            hint = near(mention.name, names)
            reading.tell(mention.node, "unknown-name", f"there is no {what} `{mention.name}`{hint}")
