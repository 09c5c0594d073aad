"""Plugins that nodes bring: uploaded with the node unless they are here, deleted with it unless something uses them."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cfy_cli.contract.states import Visibility
from cfy_cli.errors import Conflict, Invalid
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.plugins import plugins
from cfy_cli.manager.services.plugins.wagons import Package, read_package
from cfy_cli.manager.services.transfer.fetching import fetch
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.store import Store

OURS = "_plugins"  # the runtime property that names the wagons which the instance has uploaded
PLACES = ("wagon_path", "plugin_yaml_path")


def bring_plugins(subject: Subject, wanted: Mapping[str, Any]) -> None:
    """Upload these. Raises Invalid, or what fetching them raises."""
    for name, where in wanted.items():
        given = where if isinstance(where, Mapping) else {}
        if not all(given.get(place) for place in PLACES):
            raise Invalid(f"The plugin {name} that {subject.node_id} is to bring needs {' and '.join(PLACES)}")
        with _package(subject, given) as package:
            _bring(subject, package)


def take_plugins_away(subject: Subject) -> None:
    """Delete those that this instance has uploaded and nothing else uses."""
    for archive_name in subject.runtime.get(OURS) or ():
        with subject.acting("plugin_delete") as store:
            plugin = _find(store, archive_name)
            if plugin is None:
                continue
            try:
                plugins.delete(subject.app, store, plugin.id)
            except plugins.PluginInUse as error:
                subject.say(f"The plugin stays: {error.message}")
            else:
                subject.say(f'Deleted the plugin "{plugin.package_name}", version {plugin.package_version}')
    subject.keep(OURS)


def _bring(subject: Subject, package: Package) -> None:
    archive_name = package.metadata["archive_name"]
    ours = set(subject.runtime.get(OURS) or ())
    with subject.reading() as store:
        there = _find(store, archive_name) is not None
    if not there:
        subject.keep(**{OURS: sorted({*ours, archive_name})})  # first: what is uploaded after it is known as ours
        try:
            with subject.acting("plugin_upload") as store:
                plugins.add(subject.app, store, package, title=None, visibility=Visibility.TENANT)
        except Conflict:  # everybody's, or somebody was faster
            subject.keep(**{OURS: sorted(ours)})
            there = True
    told = "is here already" if there else "was uploaded"
    subject.say(
        f'The plugin "{package.metadata["package_name"]}", version {package.metadata["package_version"]}, {told}'
    )


def _find(store: Store, archive_name: str) -> Plugin | None:
    own = select(Plugin).where(Plugin.archive_name == archive_name, Plugin.tenant_name == store.scope.tenant)
    return store.unscoped.scalars(own.limit(1)).first()


@contextmanager
def _package(subject: Subject, where: Mapping[str, Any]) -> Iterator[Package]:
    """A wagon and its yaml file, each from an address or from the blueprint's folder."""
    wagon_path, yaml_path = (str(where[place]) for place in PLACES)
    with (
        _received(subject, wagon_path) as wagon,
        _received(subject, yaml_path) as written,
        subject.app.files.open_temporary() as (_, inside),
    ):
        yield replace(read_package(wagon, inside), yamls={"plugin.yaml": written.read_bytes()})


@contextmanager
def _received(subject: Subject, source: str) -> Iterator[Path]:
    with subject.app.files.open_temporary() as (file, path):
        if "://" in source:
            fetch(source, file)
            file.flush()
        else:
            shutil.copyfile(subject.ctx.file(source), path)
        yield path
