"""Merging the files of a blueprint into one document."""

from dataclasses import dataclass, field

from cfy_cli.dsl.imports import ImportedFiles, SourceDocument
from cfy_cli.dsl.plugin_properties import set_plugin_properties
from cfy_cli.dsl.problems import Problems, suggest
from cfy_cli.dsl.versions import VERSION_KEY, Version, version_name
from cfy_cli.dsl.yaml_nodes import YamlNode, build_node

# Sections of named entries that several files can contribute to, from the first version or from 1_3 on.
MERGED = (
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
MERGED_SINCE_1_3 = (
    "blueprint_labels",
    "capabilities",
    "inputs",
    "labels",
    "node_templates",
    "outputs",
    "resource_tags",
)
FIRST_WINS = ("description", "metadata")
PER_FILE = ("dsl_definitions", "imports", VERSION_KEY)
UNIQUE = ("deployment_settings", "upload_resources")
SECTIONS = (*MERGED, *MERGED_SINCE_1_3, *FIRST_WINS, *PER_FILE, *UNIQUE)


@dataclass(slots=True)
class Document:
    """All files of a blueprint as one document; names include their namespaces."""

    version: Version
    main: YamlNode
    sections: dict[str, YamlNode] = field(default_factory=dict)

    def section(self, name: str) -> YamlNode:
        return self.sections.get(name) or YamlNode(None, self.main.source)


def merge(imported: ImportedFiles, problems: Problems) -> Document:
    document = Document(imported.version, imported.files[0].node)
    for file in imported.files:
        for name, node in _sections_of(file, imported.version, problems).items():
            if name in PER_FILE or node.value is None:
                continue
            if name not in SECTIONS:
                message = f"unknown section `{name}`{suggest(name, SECTIONS)}"
                problems.add(file.node.key_location(name), "unknown-key", message)
            elif name not in document.sections:
                document.sections[name] = _qualify(node) if name in MERGED or name in MERGED_SINCE_1_3 else node
            elif name in MERGED or name in MERGED_SINCE_1_3:
                _merge_section(document, name, node, problems)
            elif name not in FIRST_WINS:
                message = f"`{name}` is already defined in {_file_of(document, name)}"
                problems.add(file.node.key_location(name), "conflict", message)
    return document


def _sections_of(file: SourceDocument, version: Version, problems: Problems) -> dict[str, YamlNode]:
    """Return the sections of a file; the labels and tags of a plugin are those that the manager stores."""
    sections: dict[str, YamlNode] = dict(file.node.items())
    if file.properties is not None:
        plugins = sections.get("plugins") or YamlNode({}, file.node.source)
        sections["plugins"] = set_plugin_properties(plugins, file.properties, version, problems)
    resolved = file.resolved
    if resolved is None or not file.key.startswith("plugin:"):
        return sections
    stored: dict[str, object] = {
        "blueprint_labels": {key: {"values": values} for key, values in resolved.blueprint_labels.items()},
        "labels": {key: {"values": values} for key, values in resolved.labels.items()},
        "resource_tags": dict(resolved.resource_tags),
    }
    for name, values in stored.items():
        sections.pop(name, None)
        if values:
            sections[name] = build_node(values, file.node.source)
    return sections


def _qualify(section: YamlNode) -> YamlNode:
    """Return a copy of the section whose names include their namespace; others can be merged into it."""
    if not isinstance(section.value, dict):
        return section
    qualify = section.source.qualify
    return YamlNode(
        {qualify(name): node for name, node in section.value.items()},
        section.source,
        section.line,
        section.column,
        {qualify(name): key for name, key in section.keys.items()},
    )


def _merge_section(document: Document, name: str, section: YamlNode, problems: Problems) -> None:
    into = document.sections[name]
    if not isinstance(into.value, dict) or not isinstance(section.value, dict):
        return  # reported when the section is parsed
    if name in MERGED_SINCE_1_3 and document.version < (1, 3):
        problems.add(
            section.location,
            "conflict",
            f"`{name}` is already defined in {_file_of(document, name)}; "
            f"several files can define it from {version_name((1, 3))} on",
        )
        return
    for key, node in _qualify(section).items():
        key_node = section.keys.get(key) or node
        if key not in into.value or section.source.basic or key.startswith("cloudify."):
            into.value[key], into.keys[key] = node, key_node
        elif (merged := _merge_entries(name, into.value[key], node)) is not None:
            into.value[key] = merged
        else:
            message = f"`{key}` in `{name}` is already defined at {into.key_location(key)}"
            problems.add(key_node.location, "conflict", message)


def _merge_entries(section: str, first: YamlNode, second: YamlNode) -> YamlNode | None:
    """Merge two definitions of one name, or return None if that is not allowed."""
    if section in ("blueprint_labels", "labels", "resource_tags"):
        return first
    if not isinstance(first.value, dict) or not isinstance(second.value, dict):
        return None
    if section == "workflows":
        return _override(second, first)
    relationships = first.get("relationships"), second.get("relationships")
    adds_relationships = (len(first.value) == 1 and relationships[0]) or (len(second.value) == 1 and relationships[1])
    if section != "node_templates" or not adds_relationships:
        return None
    merged = _override(second, first)
    lists = [node for node in relationships if node is not None and isinstance(node.value, list)]
    if len(lists) == 2:  # one file adds relationships to a node of the other one
        items = [item for node in lists if isinstance(node.value, list) for item in node.value]
        merged = merged.with_entries({"relationships": YamlNode(items, lists[0].source)})
    return merged


def _override(base: YamlNode, override: YamlNode) -> YamlNode:
    """Return the entries of two mappings; those of `override` take precedence."""
    entries = {**dict(base.items()), **dict(override.items())}
    return YamlNode(entries, override.source, override.line, override.column, {**base.keys, **override.keys})


def _file_of(document: Document, name: str) -> str:
    return document.sections[name].location.file
