"""`cfy secrets`."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from cfy_cli.contract.resources import SECRETS
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell import options, param_types, secret_values
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.if_exists import UPDATE, create_unless_exists, if_exists_option
from cfy_cli.shell.options import Decorator, together

HIDDEN = "*********"


@click.group("secrets", cls=CommandGroup)
def cli() -> None:
    """Manage secrets."""


def provider() -> Decorator:
    return together(
        click.option("-p", "--provider", "provider_name", help="The secrets provider that stores the value."),
        click.option("-o", "--provider-options", multiple=True, help="Options for the provider: key=value or JSON."),
    )


@cli.command("create")
@click.argument("key", type=param_types.name, metavar="KEY")
@secret_values.value()
@click.option("-u", "--update-if-exists", is_flag=True, help="The same as --if-exists update.")
@if_exists_option()
@options.visibility()
@click.option("--hidden-value", is_flag=True, help="Show the value only to the owner and administrators.")
@click.option("--schema", help="A JSON schema of the value; the value must be JSON.")
@click.option(
    "--dict", "as_dict", is_flag=True, help='The value is a JSON object; the same as a schema of type "object".'
)
@click.option("--list", "as_list", is_flag=True, help='The value is a JSON list; the same as a schema of type "array".')
@provider()
@pass_app
def create_secret(app: App, key: str, *, if_exists: str, update_if_exists: bool, visibility: str, **given: Any) -> None:
    """Create the secret KEY; without -f and -s, its value is prompted for."""
    update = update_if_exists or if_exists == UPDATE
    secrets = app.client.secrets
    fields = {"update_if_exists": update, "visibility": visibility, **_fields(app, **given)}
    new = partial(secrets.create, key, **fields)
    create_unless_exists(app, SECRETS, key, if_exists, new, partial(secrets.get, key, _skip_value=True))


def _fields(
    app: App, *, secret_string: str | None, secret_file: str | None, hidden_value: bool, schema: str | None,
    as_dict: bool, as_list: bool, provider_name: str | None, provider_options: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    kind = secret_values.schema(schema, as_dict=as_dict, as_list=as_list)
    value: Any = secret_values.read(app, secret_string, secret_file)
    if value is None and not provider_name:
        value = secret_values.asked(app)
    return {
        "value": secret_values.parsed(value) if kind and value is not None else value,
        "schema": kind,
        "is_hidden_value": hidden_value,
        **_provider(provider_name, provider_options),
    }


def _provider(provider_name: str | None, provider_options: tuple[str, ...]) -> dict[str, Any]:
    from cfy_cli.shell.inputs import read_inputs

    given = read_inputs(provider_options, dict) if provider_options else None
    return {"provider_name": provider_name, "provider_options": given}


@cli.command("get")
@click.argument("key")
@pass_app
def get_secret(app: App, key: str) -> None:
    """Show the secret KEY with its value."""
    secret = app.client.secrets.get(key)
    app.show(SECRETS, secret)
    value = HIDDEN if secret.get("is_hidden_value") and secret.get("value") == "" else secret.get("value")
    more = {"schema": secret["schema"]} if secret.get("schema") else {}
    app.show_details({"value": value, **more}, "Value:")


@cli.command("list")
@options.listing(SECRETS)
@click.option(
    "-p", "--provider", "providers", multiple=True, help="List only secrets of this provider; may be repeated."
)
@pass_app
def list_secrets(app: App, providers: tuple[str, ...], **query: Any) -> None:
    """List secrets, without their values."""
    rule = {"key": "provider_name", "values": list(providers), "operator": "starts_with", "type": "attribute"}
    app.show_list(app.client.secrets, **query, filter_rules=[rule] if providers else None)


@cli.command("update")
@click.argument("key")
@secret_values.value()
@click.option(
    "--hidden-value/--not-hidden-value", "is_hidden_value", default=None,
    help="Show the value only to the owner and administrators, or to all users who can see the secret.",
)  # fmt: skip
@options.visibility(default=None)
@provider()
@pass_app
def update_secret(
    app: App, key: str, secret_string: str | None, secret_file: str | None, provider_name: str | None,
    provider_options: tuple[str, ...], **fields: Any,
) -> None:  # fmt: skip
    """Update the secret KEY; without options, a new value is prompted for."""
    secrets = app.client.secrets
    value: Any = secret_values.read(app, secret_string, secret_file)
    fields |= _provider(provider_name, provider_options)
    if value is None and all(given is None for given in fields.values()):
        value = secret_values.asked(app)
    if value is not None and secrets.has_schema(key):
        value = secret_values.parsed(value)
    app.result(f"Secret `{key}` updated", secrets.patch(key, value=value, **fields))


@cli.command("delete")
@click.argument("key")
@pass_app
def delete_secret(app: App, key: str) -> None:
    """Delete the secret KEY."""
    app.client.secrets.delete(key)
    app.result(f"Secret `{key}` deleted", {"key": key})


@cli.command("set-visibility")
@click.argument("key")
@options.visibility(default=None, choices=("tenant", "global"))
@pass_app
def set_visibility(app: App, key: str, visibility: str) -> None:
    """Set the visibility of the secret KEY."""
    app.result(f"Secret `{key}` was set to {visibility}", app.client.secrets.set_visibility(key, visibility))


@cli.command("set-global")
@click.argument("key")
@pass_app
def set_global(app: App, key: str) -> None:
    """Set the visibility of the secret KEY to global."""
    app.result(f"Secret `{key}` was set to global", app.client.secrets.set_visibility(key, "global"))


@cli.command("set-owner")
@click.argument("key")
@click.option("-s", "--username", required=True, help="The new owner.")
@pass_app
def set_owner(app: App, key: str, username: str) -> None:
    """Change the owner of the secret KEY."""
    secret = app.client.secrets.patch(key, creator=username)
    app.result(f"Secret `{key}` is now owned by user `{secret['created_by']}`", secret)


@cli.command("export")
@secret_values.passphrase(confirm=True)
@click.option(
    "-l", "--visibility", type=click.Choice(options.VISIBILITIES), help="Export only secrets with this visibility."
)
@options.all_tenants()
@click.option("--filter-by", "_search", help="Export only secrets whose key contains this text.")
@click.option("-o", "--output-path", default="secrets.json", show_default=True, help="The file to save to.")
@pass_app
def export_secrets(app: App, passphrase: str | None, non_encrypted: bool, output_path: str, **query: Any) -> None:
    """Export secrets with their values to a file."""
    import json

    from cfy_cli.config.paths import write_private

    secrets = app.client.secrets.export(_passphrase=passphrase, **query)
    if not isinstance(secrets, list):
        raise CfyError("The manager did not answer a list of secrets")
    try:
        write_private(Path(output_path), json.dumps(secrets, indent=1, ensure_ascii=False))
    except OSError as error:
        raise CfyError(f"Cannot write {output_path}: {error.strerror}") from error
    if non_encrypted:
        app.note(f"The secrets in {output_path} are not encrypted: protect the file")
    app.result(f"{len(secrets)} secrets were saved to {output_path}", {"path": output_path, "count": len(secrets)})


@cli.command("import")
@secret_values.passphrase(confirm=False)
@click.option("-i", "--input-path", required=True, help="A file written by `cfy secrets export`.")
@click.option("--override-collisions", is_flag=True, help="Replace secrets that exist already.")
@click.option("-m", "--tenant-map", help="A JSON file that maps exported tenants to tenants of this manager.")
@pass_app
def import_secrets(
    app: App, passphrase: str | None, non_encrypted: bool, input_path: str, override_collisions: bool,
    tenant_map: str | None,
) -> None:  # fmt: skip
    """Import secrets from a file written by `cfy secrets export`."""
    secrets = secret_values.data_in(input_path)
    if not isinstance(secrets, list):
        raise Usage(f"{input_path} is not a list of secrets")
    answer = app.client.secrets.import_secrets(
        secrets,
        tenant_map=secret_values.data_in(tenant_map) if tenant_map else None,
        passphrase=passphrase,
        override_collisions=override_collisions,
    )
    app.result("Secrets imported", answer)
    done = "replaced" if override_collisions else "not changed"
    for tenant, keys in (answer.get("colliding_secrets") or {}).items():
        app.note(f"Secrets that exist already in tenant `{tenant}`, {done}: {', '.join(keys)}")
    _tell_errors(answer.get("secrets_errors") or {}, secrets)


def _tell_errors(errors: dict[str, dict[str, Any]], secrets: list[Any]) -> None:
    if errors:
        lines = [f"Secret {int(number) + 1}: {_joined(why)}" for number, why in errors.items()]
        raise CfyError(f"{len(errors)} of {len(secrets)} secrets were not imported", hint="\n".join(lines))


def _joined(why: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {', '.join(text) if isinstance(text, list) else text}" for name, text in why.items())
