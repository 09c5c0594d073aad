"""Parsing the `imports` section of a file."""

from collections.abc import Iterator
from dataclasses import dataclass

from cfy_cli.dsl.problems import Problems
from cfy_cli.dsl.yaml_nodes import YamlNode


@dataclass(slots=True)
class Import:
    """One line of an `imports` section."""

    node: YamlNode
    name: str  # without the namespace
    namespace: str  # with that of the importing file
    own_namespace: str
    properties: YamlNode | None


def parse_imports(document: YamlNode, problems: Problems) -> Iterator[Import]:
    section = document.get("imports")
    if section is None or section.value is None:
        return
    if not isinstance(section.value, list):
        problems.add(section.location, "type", "`imports` must be a list")
        return
    seen: set[str] = set()
    for node in section.value:
        text, properties = _parse_line(node)
        if not text:
            message = "an import must be a name, or a name with a mapping of properties"
            problems.add(node.location, "type", message)
        elif text in seen:
            problems.add(node.location, "import", f"`{text}` is imported twice in this file")
        else:
            seen.add(text)
            own, name = _split(text)
            namespace = "--".join(filter(None, [document.source.namespace, own]))
            yield Import(node, name, namespace, own, properties)


def _parse_line(node: YamlNode) -> tuple[str, YamlNode | None]:
    """Return the text and the properties of an import; an invalid one has no text."""
    if isinstance(node.value, dict) and len(node.value) == 1:
        [(text, properties)] = node.value.items()
        return text, properties
    return node.value if isinstance(node.value, str) else "", None


def _split(text: str) -> tuple[str, str]:
    """Split `ns--name` into the namespace and the name; a `--` in a path or URL belongs to the name."""
    namespace, _, name = text.rpartition("--")
    return ("", text) if "/" in namespace or ":" in namespace else (namespace, name)
