"""The verbs of dependencies between deployments."""

from __future__ import annotations

from typing import Any

import click

from cfy_cli.contract.resources import DEPENDENCIES
from cfy_cli.shell import options
from cfy_cli.shell.app import App, pass_app

CREATOR = "user"


def attach(cli: click.Group) -> None:
    """Give the noun `dependencies list`, `dependencies add` and `dependencies delete`."""

    @cli.group("dependencies", help="Handle what deployments need of each other.")
    def dependencies() -> None: ...

    creator = click.option(
        "-c", "--creator", default=CREATOR, show_default=True, help="What made it; tells several of one pair apart."
    )

    @dependencies.command("list", help="List which deployments need which others.")
    @click.option("--source", "source_deployment_id", metavar="ID", help="Only what this deployment needs.")
    @click.option("--target", "target_deployment_id", metavar="ID", help="Only those that need this deployment.")
    @options.listing(DEPENDENCIES)
    @pass_app
    def list_dependencies(app: App, **query: Any) -> None:
        app.show_list(app.client.dependencies, **query)

    @dependencies.command("add", help="Say that the deployment SOURCE_ID needs TARGET_ID, so that nobody removes it.")
    @click.argument("source_id")
    @click.argument("target_id")
    @creator
    @pass_app
    def add_dependency(app: App, source_id: str, target_id: str, creator: str) -> None:
        made = app.client.dependencies.add(source_id, target_id, creator)
        app.result(f"Deployment `{source_id}` needs `{target_id}` from now on", made, DEPENDENCIES)

    @dependencies.command("delete", help="Say that the deployment SOURCE_ID no longer needs TARGET_ID.")
    @click.argument("source_id")
    @click.argument("target_id")
    @creator
    @pass_app
    def delete_dependency(app: App, source_id: str, target_id: str, creator: str) -> None:
        app.client.dependencies.remove(source_id, target_id, creator)
        about = {"dependency_creator": creator, "source_deployment_id": source_id, "target_deployment_id": target_id}
        app.result(f"Deployment `{source_id}` needs `{target_id}` no longer", about)
