"""Making one document of a blueprint's files."""

from dataclasses import dataclass, field

from cfy_cli.dsl.imports import File, Gathered
from cfy_cli.dsl.plugin_properties import with_values
from cfy_cli.dsl.problems import Problems, near
from cfy_cli.dsl.source import Node, node_of
from cfy_cli.dsl.versions import KEY, Version, name_of

# Sections of named things, which several files may fill; from 1_3 on also those of the second line.
NAMED = (
    "data_types",
    "groups",
    "node_types",
    "plugins",
    "policies",
    "policy_triggers",
    "policy_types",
    "relationships",
    "workflows",
)
NAMED_SINCE_1_3 = (
    "blueprint_labels",
    "capabilities",
    "inputs",
    "labels",
    "node_templates",
    "outputs",
    "resource_tags",
)
FIRST_COUNTS = ("description", "metadata")
OF_ONE_FILE = ("dsl_definitions", "imports", KEY)
ONCE = ("deployment_settings", "upload_resources")
SECTIONS = (*NAMED, *NAMED_SINCE_1_3, *FIRST_COUNTS, *OF_ONE_FILE, *ONCE)

_KEPT_BY_THE_MANAGER = ("blueprint_labels", "labels", "resource_tags")


@dataclass(slots=True)
class Document:
    """All files of a blueprint as one; names carry their namespaces."""

    version: Version
    main: Node
    sections: dict[str, Node] = field(default_factory=dict)

    def section(self, name: str) -> Node:
        return self.sections.get(name) or Node(None, self.main.source)


def merge(gathered: Gathered, problems: Problems) -> Document:
    document = Document(gathered.version, gathered.files[0].node)
    for file in gathered.files:
        for name, node in _sections_of(file, gathered.version, problems).items():
            if name in OF_ONE_FILE or node.value is None:
                continue
            if name not in SECTIONS:
                problems.add(
                    file.node.key_place(name), "unknown-key", f"unknown section `{name}`{near(name, SECTIONS)}"
                )
            elif name not in document.sections:
                document.sections[name] = _qualified(node) if name in NAMED or name in NAMED_SINCE_1_3 else node
            elif name in NAMED or name in NAMED_SINCE_1_3:
                _add(document, name, node, problems)
            elif name not in FIRST_COUNTS:
                problems.add(
                    file.node.key_place(name), "conflict", f"`{name}` is already in {_file_of(document, name)}"
                )
    return document


def _sections_of(file: File, version: Version, problems: Problems) -> dict[str, Node]:
    """A file's sections; of a plugin, its labels and tags are those that the manager keeps."""
    sections: dict[str, Node] = dict(file.node.items())
    if file.properties is not None:
        plugins = sections.get("plugins") or Node({}, file.node.source)
        sections["plugins"] = with_values(plugins, file.properties, version, problems)
    if file.resolved is None or not file.key.startswith("plugin:"):
        return sections
    source = file.node.source
    for name in ("blueprint_labels", "labels", "resource_tags"):
        sections.pop(name, None)
        if kept := getattr(file.resolved, name):
            sections[name] = node_of(
                {key: {"values": values} for key, values in kept.items()} if name != "resource_tags" else kept, source
            )
    return sections


def _qualified(section: Node) -> Node:
    """The section with its names in their namespace; a copy, for more is merged into it."""
    if not isinstance(section.value, dict):
        return section
    qualify = section.source.qualify
    return Node(
        {qualify(name): node for name, node in section.value.items()},
        section.source,
        section.line,
        section.column,
        {qualify(name): key for name, key in section.keys.items()},
    )


def _add(document: Document, name: str, section: Node, problems: Problems) -> None:
    into = document.sections[name]
    if not isinstance(into.value, dict) or not isinstance(section.value, dict):
        return  # told when the section is read
    if name in NAMED_SINCE_1_3 and document.version < (1, 3):
        problems.add(
            section.place,
            "conflict",
            f"`{name}` is already in {_file_of(document, name)}; several files may have it from {name_of((1, 3))} on",
        )
        return
    for key, node in _qualified(section).items():
        place = section.keys.get(key) or node
        if key not in into.value or section.source.basic or key.startswith("cloudify."):
            into.value[key], into.keys[key] = node, place
        elif (both := _both(name, into.value[key], node)) is not None:
            into.value[key] = both
        else:
            problems.add(place.place, "conflict", f"`{key}` in `{name}` is already defined at {into.key_place(key)}")


def _both(section: str, first: Node, second: Node) -> Node | None:
    """What two files say of the same thing, where they may; otherwise None."""
    if section in ("blueprint_labels", "labels", "resource_tags"):
        return first
    if not isinstance(first.value, dict) or not isinstance(second.value, dict):
        return None
    if section == "workflows":
        return _over(first, second)
    relationships = first.get("relationships"), second.get("relationships")
    one_only_connects = (len(first.value) == 1 and relationships[0]) or (len(second.value) == 1 and relationships[1])
    if section != "node_templates" or not one_only_connects:
        return None
    both = _over(first, second)
    lists = [node for node in relationships if node is not None and isinstance(node.value, list)]
    if len(lists) == 2:  # more relationships for a node that another file has
        both.value["relationships"] = Node([*lists[0].value, *lists[1].value], lists[0].source)
    return both


def _over(first: Node, second: Node) -> Node:
    return Node({**second.value, **first.value}, first.source, first.line, first.column, {**second.keys, **first.keys})


def _file_of(document: Document, name: str) -> str:
    return document.sections[name].place.file
