"""Explanations of the words of the blueprint language and of commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cfy_cli.contract.error_texts import ERROR_TEXTS
from cfy_cli.dsl import reference
from cfy_cli.output.explanations import Explanation, Rows

if TYPE_CHECKING:
    import click

    from cfy_cli.contract.plan import Interfaces, Schema
    from cfy_cli.dsl import Definitions
    from cfy_cli.dsl.inheritance import ResolvedType
    from cfy_cli.dsl.problems import Location

HOST = "cloudify.nodes.Compute"
TYPE_KINDS = ("node type", "relationship", "data type")


def explain(word: str, definitions: Definitions, command: click.Command | None) -> list[Explanation]:
    """Return an explanation for each thing of this name; a type may be named by the last part of its name."""
    found = [*_types(word, definitions), *_functions(word), *_workflows(word, definitions), *_rules(word)]
    found += [*_error_codes(word)]
    return [*found, *([_command(word, command)] if command else [])]


def known_words(definitions: Definitions) -> set[str]:
    return {
        *definitions.node_types, *definitions.relationships, *definitions.data_types, *definitions.workflows,
        *reference.functions(), *reference.rules(), *ERROR_TEXTS,
    }  # fmt: skip


def _types(word: str, definitions: Definitions) -> Iterator[Explanation]:
    for kind, types in zip(TYPE_KINDS, (definitions.node_types, definitions.relationships), strict=False):
        for name in _matching(word, types):
            yield _resolved_type(kind, types[name], types)
    for name in _matching(word, definitions.data_types):
        data_type, place = definitions.data_types[name], definitions.data_type_locations.get(name)
        yield Explanation(
            "data type",
            name,
            data_type["description"] or "",
            {"derived from": data_type["derived_from"] or "", "defined in": _place(place) if place else ""},
            {"properties": _schema(data_type["properties"])},
            {"example": f"inputs:\n  value:\n    type: {name}\n"},
        )  # fmt: skip


def _matching(word: str, names: Mapping[str, object]) -> list[str]:
    if word in names:
        return [word]
    return [name for name in names if name.rpartition(".")[2].lower() == word.lower()]


def _resolved_type(kind: str, found: ResolvedType, types: Mapping[str, ResolvedType]) -> Explanation:
    sections = {"properties": _schema(found.properties)}
    if kind == "relationship":
        sections |= {
            "source interfaces": _interfaces(found.interfaces),
            "target interfaces": _interfaces(found.target_interfaces),
        }
        example = "node_templates:\n  db:\n    type: cloudify.nodes.Root\n"
        example += "  web:\n    type: cloudify.nodes.Root\n    relationships:\n"
        example += f"      - type: {found.name}\n        target: db\n"
        example += _required(found.properties, "        ")
    else:
        sections["interfaces"] = _interfaces(found.interfaces)
        name = found.name.rpartition(".")[2].lower()
        example = f"node_templates:\n  {name}:\n    type: {found.name}\n{_required(found.properties, '    ')}"
        if HOST not in found.hierarchy and _runs_on_host(found.interfaces):
            example += "    relationships:\n      - type: cloudify.relationships.contained_in\n        target: host\n"
            example += f"  host:\n    type: {HOST}\n"
    derived = sorted(name for name, other in types.items() if other.hierarchy[-2:-1] == [found.name])
    facts = {
        "derived from": " > ".join(reversed(found.hierarchy[:-1])),
        "defined in": _place(found.node.location),
        "derived types": ", ".join(derived),
    }
    example = reference.type_examples().get(found.name, example)
    return Explanation(kind, found.name, "", facts, sections, {"example": example})


def _functions(word: str) -> Iterator[Explanation]:
    text = reference.functions().get(word)
    if text:
        facts = {"arguments": text["arguments"], "evaluated": text["evaluated"]}
        yield Explanation("function", word, text["summary"], facts, examples={"example": text["example"]})


def _workflows(word: str, definitions: Definitions) -> Iterator[Explanation]:
    workflow = definitions.workflows.get(word)
    if workflow:
        yield Explanation(
            "workflow",
            word,
            reference.workflows().get(word, ""),
            {"mapping": workflow.mapping, "defined in": _place(workflow.node.location)},
            {"parameters": _schema(workflow.parameters)},
            {"example": f"cfy executions start {word} -d DEPLOYMENT\n"},
        )


def _rules(word: str) -> Iterator[Explanation]:
    text = reference.rules().get(word)
    if text:
        examples = {title: text[key] for title, key in (("wrong", "bad"), ("right", "good")) if key in text}  # type: ignore[literal-required]
        yield Explanation("rule", word, text["summary"], {"advice": text["advice"]}, examples=examples)


def _error_codes(word: str) -> Iterator[Explanation]:
    if word in ERROR_TEXTS:
        yield Explanation("error code", word, ERROR_TEXTS[word])


def _command(word: str, command: click.Command) -> Explanation:
    from cfy_cli.shell.examples import EXAMPLES

    summary = (command.help or "").strip().partition("\n\n")[0].replace("\n", " ")
    examples = "\n".join(EXAMPLES.get(word, ()))
    shown = {"example": f"{examples}\n"} if examples else {}
    return Explanation("command", word, summary, {"all options": f"cfy {word} -h"}, examples=shown)


def _schema(schema: Schema) -> Rows:
    rows: Rows = []
    for name, declared in schema.items():
        kind = str(declared.get("type") or "any type")
        if "default" in declared:
            kind += f", default {json.dumps(declared['default'])}"
        elif declared.get("required", True):
            kind += ", required"
        description = str(declared.get("description") or "").strip()
        rows.append((name, f"{kind}. {description}" if description else kind))
    return rows


def _interfaces(interfaces: Interfaces) -> Rows:
    return [(name, ", ".join(operations)) for name, operations in interfaces.items()]


def _runs_on_host(interfaces: Interfaces) -> bool:
    """Tell whether an operation is of the plugin of scripts, which runs on the host of a node."""
    implementations = [operation["implementation"] for each in interfaces.values() for operation in each.values()]
    return any(implementation.startswith("script.") for implementation in implementations)


def _required(schema: Schema, indent: str) -> str:
    """Return the lines that set the required properties."""
    required = [name for name, field in schema.items() if "default" not in field and field.get("required", True)]
    lines = [f"{indent}  {name}: {schema[name].get('type', 'VALUE')}\n" for name in required]
    return f"{indent}properties:\n{''.join(lines)}" if lines else ""


def _place(location: Location) -> str:
    return f"{location.file}:{location.line}"
