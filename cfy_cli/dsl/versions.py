"""The versions of the language."""

from cfy_cli.dsl.problems import Problems, near, one_of
from cfy_cli.dsl.source import Node

Version = tuple[int, int]

KEY = "tosca_definitions_version"
NAMES: dict[str, Version] = {f"cloudify_dsl_1_{minor}": (1, minor) for minor in range(6)}
LATEST: Version = (1, 5)


def name_of(version: Version) -> str:
    return f"cloudify_dsl_{version[0]}_{version[1]}"


def main_version(document: Node, problems: Problems) -> Version:
    """The version a blueprint is written in; the latest, and a problem, when it does not say."""
    node = document.get(KEY)
    if node is None or node.value is None:
        problems.add(document.place, "version", f"`{KEY}` is required in the main file, such as `{name_of(LATEST)}`")
        return LATEST
    return _known(node, problems) or LATEST


def check_import(document: Node, main: Version, problems: Problems) -> None:
    """An imported file may be written in the main file's version or an earlier one, or not say."""
    node = document.get(KEY)
    if node is None or node.value is None:
        return
    version = _known(node, problems)
    if version and version > main:
        problems.add(
            node.place,
            "version",
            f"the import is written in {name_of(version)}, later than the main file's {name_of(main)}",
        )


def _known(node: Node, problems: Problems) -> Version | None:
    if isinstance(node.value, str) and node.value in NAMES:
        return NAMES[node.value]
    said = str(node.plain)
    problems.add(node.place, "version", f"the version `{said}` is not one of {one_of(NAMES)}{near(said, NAMES)}")
    return None
