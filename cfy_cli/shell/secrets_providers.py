"""The commands of `cfy secrets providers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from cfy_cli.contract.resources import SECRETS_PROVIDERS
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell import options, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.if_exists import if_exists_option

if TYPE_CHECKING:
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.shell.options import Decorator

TYPES = "local, vault (url, token, path) or cloudify (host, username, password, tenant)"


def add_provider_commands(cli: click.Group) -> None:
    """Add the group `providers`."""
    group = CommandGroup("providers", help="Manage secrets providers, which keep values of secrets.")
    for add in (verbs.add_list, verbs.add_get, verbs.add_delete):
        add(group, SECRETS_PROVIDERS)
    _add_create(group)
    _add_update(group)
    _add_test(group)
    cli.add_command(group)


def _type(*, required: bool = False, default: str | None = None) -> Decorator:
    text = f"The type, with its parameters: {TYPES}."
    return click.option("-y", "--type", "type_name", required=required, default=default, help=text)


def _parameters() -> Decorator:
    return click.option(
        "-c", "--connection-parameters", "parameters", multiple=True,
        help="How to reach it: key=value, a YAML or JSON file, or JSON text; may be repeated. Other users of this "
        "machine can see the command line: `-c -` reads stdin.",
    )  # fmt: skip


def _read(parameters: tuple[str, ...]) -> JsonObject | None:
    from cfy_cli.shell.inputs import read_inputs

    return read_inputs(parameters, dict, any_key=True) if parameters else None


def _add_create(group: CommandGroup) -> None:
    @group.command("create")
    @verbs.new_key(SECRETS_PROVIDERS)
    @_type(required=True)
    @click.option("-s", "--skip-check", is_flag=True, help="Do not test first whether it can be used.")
    @_parameters()
    @options.visibility()
    @if_exists_option()
    @pass_app
    def create_provider(
        app: App, secrets_provider_name: str, type_name: str, skip_check: bool, parameters: tuple[str, ...],
        visibility: str, if_exists: str,
    ) -> None:  # fmt: skip
        """Create the secrets provider SECRETS_PROVIDER_NAME, after a test whether it can be used."""
        name, given = secrets_provider_name, _read(parameters)
        providers = app.client.secrets_providers
        if not skip_check:
            try:
                providers.check(name=name, type=type_name, connection_parameters=given)
            except CfyError as error:
                error.hint = error.hint or "Nothing was created; create it without a test: --skip-check"
                raise
        fields = {"type": type_name, "connection_parameters": given, "visibility": visibility}
        verbs.create(app, SECRETS_PROVIDERS, name, if_exists, **fields)


def _add_update(group: CommandGroup) -> None:
    @group.command("update")
    @click.argument("secrets_provider_name")
    @_type()
    @_parameters()
    @click.option(
        "-l",
        "--visibility",
        type=click.Choice(options.VISIBILITIES[1:]),
        default="tenant",
        help="Who can see it; without this option, who could before.",
    )
    @pass_app
    def update_provider(
        app: App, secrets_provider_name: str, type_name: str | None, parameters: tuple[str, ...], visibility: str
    ) -> None:
        """Update the secrets provider SECRETS_PROVIDER_NAME.

        Connection parameters replace all former ones, which the manager never shows.
        """
        is_given = click.get_current_context().get_parameter_source("visibility") != ParameterSource.DEFAULT
        fields = {
            "type": type_name,
            "connection_parameters": _read(parameters),
            "visibility": visibility if is_given else None,
        }
        if all(value is None for value in fields.values()):
            raise Usage("There is nothing to update", hint="Give --type, --connection-parameters or --visibility.")
        provider = app.client.secrets_providers.update(secrets_provider_name, **fields)
        app.result(f"Secrets provider `{secrets_provider_name}` updated", provider, SECRETS_PROVIDERS)


def _add_test(group: CommandGroup) -> None:
    @group.command("test")
    @click.argument("secrets_provider_name", required=False)
    @_type(default="")
    @_parameters()
    @click.option("-l", "--visibility", default="tenant", hidden=True, expose_value=False, help="Has no effect.")
    @pass_app
    def test_provider(app: App, secrets_provider_name: str | None, type_name: str, parameters: tuple[str, ...]) -> None:
        """Test whether a secrets provider can be used: SECRETS_PROVIDER_NAME, or one that does not exist yet."""
        if not secrets_provider_name and not type_name:
            raise Usage("Give SECRETS_PROVIDER_NAME, or --type and --connection-parameters")
        fields = {"name": secrets_provider_name, "type": type_name, "connection_parameters": _read(parameters)}
        app.client.secrets_providers.check(**fields)
        title = f"`{secrets_provider_name}`" if secrets_provider_name else f"of the type {type_name}"
        app.result(f"The secrets provider {title} can be used", {"name": secrets_provider_name, "type": type_name})
