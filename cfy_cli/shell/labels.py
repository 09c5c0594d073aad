"""The verbs of labels, attached to every noun whose things carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

from cfy_cli.contract.labels import Label, format_label, labels_in, parse_labels, parse_labels_to_delete
from cfy_cli.contract.resource import Resource
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cfy_cli.client.client import Client
    from cfy_cli.client.collection import Item

    class Labelled(Protocol):
        """A collection of things with labels."""

        def get(self, key: str, **query: object) -> Item: ...

        def labels_of(self, key: str) -> object: ...

        def set_labels(self, key: str, labels: Iterable[Label]) -> Item: ...


def attach(
    cli: click.Group,
    resource: Resource,
    collection: Callable[[Client], Labelled],
    *,
    group: str = "labels",
    which: str = "labels",
) -> None:
    """Give the noun `labels list`, `labels add` and `labels delete`; or a group of another name, of `which` labels."""
    noun = resource.noun
    name = f"{noun.upper().replace(' ', '_')}_ID"

    @cli.group(group, help=f"Handle the {which} of a {noun}.")
    def labels() -> None: ...

    @labels.command("list", help=f"List the {which} of the {noun} {name}.")
    @click.argument("key", metavar=name)
    @pass_app
    def list_labels(app: App, key: str) -> None:
        _show(app, collection(app.client).labels_of(key), f"{noun.capitalize()} {which}:")

    @labels.command("add", help=f"Add {which} to the {noun} {name}: key:value,key:value.")
    @click.argument("labels", type=parse_labels, metavar="LABELS")
    @click.argument("key", metavar=name)
    @pass_app
    def add_labels(app: App, labels: list[Label], key: str) -> None:
        things = collection(app.client)
        present = labels_in(things.labels_of(key))
        new = [label for label in dict.fromkeys(labels) if label not in present]
        item = things.set_labels(key, [*present, *new]) if new else things.get(key)
        app.result(_told(new, f"added to {noun} `{key}`", "it has them all"), item)

    @labels.command("delete", help=f"Take {which} from the {noun} {name}: key:value, or a key with all its values.")
    @click.argument("labels", type=parse_labels_to_delete, metavar="LABELS")
    @click.argument("key", metavar=name)
    @pass_app
    def delete_labels(app: App, labels: list[tuple[str, str | None]], key: str) -> None:
        things = collection(app.client)
        present = labels_in(things.labels_of(key))
        gone = [label for label in present if label in labels or (label[0], None) in labels]
        item = things.set_labels(key, [label for label in present if label not in gone]) if gone else things.get(key)
        app.result(_told(gone, f"deleted from {noun} `{key}`", "it has none of them"), item)


def _told(labels: list[Label], done: str, nothing: str) -> str:
    words = ", ".join(format_label(key, value) for key, value in labels)
    return f"Labels {done}: {words}" if labels else f"No labels {done}: {nothing}"


def _show(app: App, said: object, title: str) -> None:
    if app.as_data:
        app.answer(said)
        return
    from cfy_cli.output import render

    values: dict[str, list[str]] = {}
    for key, value in labels_in(said):
        values.setdefault(key, []).append(value)
    rows = [{"key": key, "values": value} for key, value in values.items()]
    render.records(rows, ("key", "values"), title, {})
