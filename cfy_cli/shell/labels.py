"""Commands for labels, added to the group of every resource with labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

from cfy_cli.contract.labels import Label, format_label, labels_in, parse_labels, parse_labels_to_delete
from cfy_cli.contract.resource import Resource
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.options import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item

    class LabelledCollection(Protocol):
        def get(self, key: str, **query: object) -> Item: ...

        def labels_of(self, key: str) -> object: ...

        def set_labels(self, key: str, labels: Iterable[Label]) -> Item: ...


def add_label_commands(
    cli: click.Group,
    resource: Resource,
    collection_of: Callable[[Client], LabelledCollection],
    *,
    group: str = "labels",
    title: str = "labels",
) -> None:
    """Add the commands `labels list`, `labels add` and `labels delete`, or under another group and title."""
    noun = resource.noun
    argument = f"{noun.upper().replace(' ', '_')}_ID"

    @cli.group(group, help=f"Manage the {title} of a {noun}.")
    def labels() -> None: ...

    @labels.command("list", help=f"List the {title} of the {noun} {argument}.")
    @click.argument("key", metavar=argument)
    @pass_app
    def list_labels(app: App, key: str) -> None:
        _show(app, collection_of(app.client).labels_of(key), f"{noun.capitalize()} {title}:")

    @labels.command("add", help=f"Add {title} to the {noun} {argument}: key:value,key:value.")
    @click.argument("labels", type=parse_labels, metavar="LABELS", shell_complete=complete)
    @click.argument("key", metavar=argument)
    @pass_app
    def add_labels(app: App, labels: list[Label], key: str) -> None:
        collection = collection_of(app.client)
        present = labels_in(collection.labels_of(key))
        new = [label for label in dict.fromkeys(labels) if label not in present]
        item = collection.set_labels(key, [*present, *new]) if new else collection.get(key)
        app.result(_sentence(new, f"added to {noun} `{key}`", "it has them already"), item)

    @labels.command(
        "delete", help=f"Delete {title} from the {noun} {argument}: key:value, or a key for all its values."
    )
    @click.argument("labels", type=parse_labels_to_delete, metavar="LABELS", shell_complete=complete)
    @click.argument("key", metavar=argument)
    @pass_app
    def delete_labels(app: App, labels: list[tuple[str, str | None]], key: str) -> None:
        collection = collection_of(app.client)
        present = labels_in(collection.labels_of(key))
        deleted = [label for label in present if label in labels or (label[0], None) in labels]
        remaining = [label for label in present if label not in deleted]
        item = collection.set_labels(key, remaining) if deleted else collection.get(key)
        app.result(_sentence(deleted, f"deleted from {noun} `{key}`", "it has none of them"), item)


def _sentence(labels: list[Label], action: str, reason: str) -> str:
    if not labels:
        return f"No labels {action}: {reason}"
    return f"Labels {action}: {', '.join(format_label(key, value) for key, value in labels)}"


def _show(app: App, answer: object, title: str) -> None:
    values: dict[str, list[str]] = {}
    for key, value in labels_in(answer):
        values.setdefault(key, []).append(value)
    if app.as_data:
        app.answer(values)
        return
    from cfy_cli.output import render

    rows = [{"key": key, "values": value} for key, value in values.items()]
    render.records(rows, ("key", "values"), title)
