"""Versions of the blueprint language."""

from cfy_cli.dsl.problems import Problems, quote_all, suggest
from cfy_cli.dsl.yaml_nodes import YamlNode

Version = tuple[int, int]

VERSION_KEY = "tosca_definitions_version"
VERSIONS: dict[str, Version] = {f"cloudify_dsl_1_{minor}": (1, minor) for minor in range(6)}
LATEST: Version = (1, 5)


def version_name(version: Version) -> str:
    return f"cloudify_dsl_{version[0]}_{version[1]}"


def read_version(document: YamlNode, problems: Problems) -> Version:
    """Return the version of the main file; report a missing or unknown one and return the latest version."""
    node = document.get(VERSION_KEY)
    if node is None or node.value is None:
        problems.add(
            document.location,
            "version",
            f"`{VERSION_KEY}` is required in the main file, such as `{version_name(LATEST)}`",
        )
        return LATEST
    return _parse(node, problems) or LATEST


def check_imported_version(document: YamlNode, main: Version, problems: Problems) -> None:
    """Report an imported file of a later version than the main file; an import may omit its version."""
    node = document.get(VERSION_KEY)
    if node is None or node.value is None:
        return
    version = _parse(node, problems)
    if version and version > main:
        problems.add(
            node.location,
            "version",
            f"the import is written in {version_name(version)}, later than the main file's {version_name(main)}",
        )


def _parse(node: YamlNode, problems: Problems) -> Version | None:
    if isinstance(node.value, str) and node.value in VERSIONS:
        return VERSIONS[node.value]
    name = str(node.plain)
    problems.add(
        node.location, "version", f"the version `{name}` is not one of {quote_all(VERSIONS)}{suggest(name, VERSIONS)}"
    )
    return None
