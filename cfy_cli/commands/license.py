"""`cfy license`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import DEPLOYMENTS, LICENSE
from cfy_cli.errors import Usage
from cfy_cli.shell import options, verbs
from cfy_cli.shell.app import App, pass_app

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.shell.option_types import ListOptions

ENVIRONMENTS = replace(
    DEPLOYMENTS,
    heading="Environments",
    columns=("deployment_id", "deployment_name", "tenant_name"),
    narrow=("deployment_id", "tenant_name", "deployment_name"),
    more=(),
    sources={"deployment_id": "id", "deployment_name": "display_name"},
)

cli = verbs.group_of(LICENSE, "Manage the license of the manager.")


@cli.command("list")
@pass_app
def list_licenses(app: App) -> None:
    """Show the license of the manager."""
    app.show_list(app.client.license)


@cli.command("upload")
@click.argument("license_path", type=click.Path(dir_okay=False))
@pass_app
def upload_license(app: App, license_path: str) -> None:
    """Upload the license in the file LICENSE_PATH; it replaces the former one."""
    path = Path(license_path)
    if not path.is_file():
        raise Usage(f"There is no license file {license_path}")
    uploaded = app.client.license.upload(path)
    app.result("License uploaded", uploaded, LICENSE)
    _note_expiry(app, uploaded)


@cli.command("remove")
@pass_app
def remove_license(app: App) -> None:
    """Remove the license of the manager."""
    app.client.license.remove()
    app.result("License removed", {})


@cli.command("check")
@pass_app
def check_license(app: App) -> None:
    """Check that the manager has the license that it needs."""
    app.client.license.check()
    present = next(iter(app.client.license.list()), None)
    if present is None:
        app.result("The manager has no license, and needs none", {"licensed": False})
        return
    app.result(f"The manager is licensed for customer `{present['customer_id']}`", {"licensed": True, **present})
    _note_expiry(app, present)


@cli.group("environments")
def environments() -> None:
    """List and count licensed environments: deployments that are not components of others."""


@environments.command("list")
@options.sorting(DEPLOYMENTS.order)
@options.paging()
@pass_app
def list_environments(app: App, **query: Unpack[ListOptions]) -> None:
    """List the licensed environments of all tenants."""
    from cfy_cli.client.collection import Collection

    app.show_list(Collection(app.client.http, ENVIRONMENTS), _all_tenants=True, _environments_only=True, **query)


@environments.command("count")
@pass_app
def count_environments(app: App) -> None:
    """Count the licensed environments of all tenants."""
    query = {"_all_tenants": True, "_environments_only": True, "_include": "id", "_size": 1}
    count = app.client.deployments.list(**query).total
    app.result(f"Licensed environments count: {count}", {"count": count})


def _note_expiry(app: App, present: Item) -> None:
    if present.get("expired"):
        app.note(f"The license has expired on {present.get('expiration_date')}.")
