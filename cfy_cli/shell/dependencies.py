"""Commands for dependencies between deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.contract.resources import DEPENDENCIES
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.option_types import ListOptions

if TYPE_CHECKING:
    from typing import Unpack

DEFAULT_CREATOR = "user"


class DependencyOptions(ListOptions):
    source_deployment_id: str | None
    target_deployment_id: str | None


def add_dependency_commands(cli: click.Group) -> None:
    """Add the commands `dependencies list`, `dependencies add` and `dependencies delete`."""

    @cli.group("dependencies", help="Manage dependencies between deployments.")
    def dependencies() -> None: ...

    creator = click.option(
        "-c", "--creator", default=DEFAULT_CREATOR, show_default=True,
        help="The creator of the dependency; distinguishes several dependencies of one pair.",
    )  # fmt: skip

    @dependencies.command("list", help="List dependencies between deployments.")
    @click.option("--source", "source_deployment_id", metavar="ID", help="List only dependencies of this deployment.")
    @click.option("--target", "target_deployment_id", metavar="ID", help="List only dependencies on this deployment.")
    @options.listing(DEPENDENCIES)
    @pass_app
    def list_dependencies(app: App, **query: Unpack[DependencyOptions]) -> None:
        app.show_list(app.client.inter_deployment_dependencies, **query)

    @dependencies.command("add", help="Make the deployment SOURCE_ID depend on TARGET_ID, which protects TARGET_ID.")
    @click.argument("source_id")
    @click.argument("target_id")
    @creator
    @pass_app
    def add_dependency(app: App, source_id: str, target_id: str, creator: str) -> None:
        dependency = app.client.inter_deployment_dependencies.add(source_id, target_id, creator)
        app.result(f"Deployment `{source_id}` now depends on `{target_id}`", dependency, DEPENDENCIES)

    @dependencies.command("delete", help="Delete the dependency of the deployment SOURCE_ID on TARGET_ID.")
    @click.argument("source_id")
    @click.argument("target_id")
    @creator
    @pass_app
    def delete_dependency(app: App, source_id: str, target_id: str, creator: str) -> None:
        app.client.inter_deployment_dependencies.remove(source_id, target_id, creator)
        data = {"dependency_creator": creator, "source_deployment_id": source_id, "target_deployment_id": target_id}
        app.result(f"Deployment `{source_id}` no longer depends on `{target_id}`", data)
