"""`cfy secrets`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import click

from cfy_cli.contract.resources import SECRETS
from cfy_cli.errors import CfyError, Usage
from cfy_cli.shell import options, param_types, secret_values, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import UPDATE, create_unless_exists, if_exists_option
from cfy_cli.shell.options import Decorator, combine
from cfy_cli.shell.secrets_providers import add_provider_commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.json import JsonObject
    from cfy_cli.shell.option_types import ListOptions

HIDDEN = "*********"


class SecretOptions(TypedDict):
    """Values of the options of `cfy secrets create` that describe the secret."""

    secret_string: str | None
    secret_file: str | None
    hidden_value: bool
    schema: str | None
    as_dict: bool
    as_list: bool
    provider_name: str | None
    provider_options: tuple[str, ...]


cli = verbs.group_of(SECRETS, "Manage secrets.", "delete", "set-visibility", "set-global", "set-owner")


add_provider_commands(cli)


def provider() -> Decorator:
    return combine(
        click.option("-p", "--provider", "provider_name", help="The secrets provider that stores the value."),
        click.option("-o", "--provider-options", multiple=True, help="Options for the provider: key=value or JSON."),
    )


@cli.command("create")
@click.argument("key", type=param_types.name_of(SECRETS), metavar="KEY")
@secret_values.value_options()
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
def create_secret(
    app: App, key: str, *, if_exists: str, update_if_exists: bool, visibility: str, **fields: Unpack[SecretOptions]
) -> None:
    """Create the secret KEY; without -f and -s, its value is prompted for."""
    update = update_if_exists or if_exists == UPDATE
    secrets = app.client.secrets
    body = {"update_if_exists": update, "visibility": visibility, **_build_body(app, fields)}
    new = partial(secrets.create, key, **body)
    create_unless_exists(app, SECRETS, key, if_exists, new, partial(secrets.get, key, _skip_value=True))


def _build_body(app: App, options: SecretOptions) -> dict[str, object]:
    schema = secret_values.parse_schema(options["schema"], as_dict=options["as_dict"], as_list=options["as_list"])
    value = secret_values.read_value(options["secret_string"], options["secret_file"])
    if value is None and not options["provider_name"]:
        value = secret_values.prompt_value(app)
    return {
        "value": secret_values.parse_value(value) if schema and value is not None else value,
        "schema": schema,
        "is_hidden_value": options["hidden_value"],
        **_provider_fields(options["provider_name"], options["provider_options"]),
    }


def _provider_fields(provider_name: str | None, provider_options: tuple[str, ...]) -> dict[str, object]:
    from cfy_cli.shell.inputs import read_inputs

    values = read_inputs(provider_options, dict, any_key=True) if provider_options else None
    return {"provider_name": provider_name, "provider_options": values}


@cli.command("get")
@click.argument("key")
@pass_app
def get_secret(app: App, key: str) -> None:
    """Show the secret KEY with its value."""
    secret = app.client.secrets.get(key)
    if secret.get("is_hidden_value") and secret.get("value") == "":
        secret["value"] = HIDDEN
    app.show(SECRETS, secret)
    more = {name: secret[name] for name in ("schema", "provider_options") if secret.get(name)}
    app.show_details({"value": secret.get("value"), **more}, "Value:")


@cli.command("list")
@options.listing(SECRETS)
@click.option(
    "-p", "--provider", "providers", multiple=True, help="List only secrets of this provider; may be repeated."
)
@pass_app
def list_secrets(app: App, providers: tuple[str, ...], **query: Unpack[ListOptions]) -> None:
    """List secrets, without their values."""
    rule = {"key": "provider_name", "values": list(providers), "operator": "starts_with", "type": "attribute"}
    app.show_list(app.client.secrets, **query, filter_rules=[rule] if providers else None)


@cli.command("update")
@click.argument("key")
@secret_values.value_options()
@click.option(
    "--hidden-value/--not-hidden-value", "is_hidden_value", default=None,
    help="Show the value only to the owner and administrators, or to all users who can see the secret.",
)  # fmt: skip
@options.new_visibility()
@provider()
@pass_app
def update_secret(
    app: App, key: str, secret_string: str | None, secret_file: str | None, provider_name: str | None,
    provider_options: tuple[str, ...], is_hidden_value: bool | None, visibility: str | None,
) -> None:  # fmt: skip
    """Update the secret KEY; without options, a new value is prompted for."""
    secrets = app.client.secrets
    fields = {
        "is_hidden_value": is_hidden_value,
        "visibility": visibility,
        **_provider_fields(provider_name, provider_options),
    }
    text = secret_values.read_value(secret_string, secret_file)
    if text is None and all(field is None for field in fields.values()):
        text = secret_values.prompt_value(app)
    value = secret_values.parse_value(text) if text is not None and secrets.has_schema(key) else text
    app.result(f"Secret `{key}` updated", secrets.patch(key, value=value, **fields))


@cli.command("export")
@secret_values.passphrase_options(confirm=True)
@click.option(
    "-l", "--visibility", type=click.Choice(options.VISIBILITIES), help="Export only secrets with this visibility."
)
@options.all_tenants()
@click.option("--filter-by", "_search", help="Export only secrets whose key contains this text.")
@click.option("-o", "--output-path", default="secrets.json", show_default=True, help="The file to save to.")
@pass_app
def export_secrets(
    app: App, passphrase: str | None, non_encrypted: bool, output_path: str, **query: str | bool | None
) -> None:
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
@secret_values.passphrase_options(confirm=False)
@click.option("-i", "--input-path", required=True, help="A file written by `cfy secrets export`.")
@click.option("--override-collisions", is_flag=True, help="Replace secrets that exist already.")
@click.option("-m", "--tenant-map", help="A JSON file that maps exported tenants to tenants of this manager.")
@pass_app
def import_secrets(
    app: App, passphrase: str | None, non_encrypted: bool, input_path: str, override_collisions: bool,
    tenant_map: str | None,
) -> None:  # fmt: skip
    """Import secrets from a file written by `cfy secrets export`."""
    secrets = secret_values.read_json_file(input_path)
    if not isinstance(secrets, list):
        raise Usage(f"{input_path} is not a list of secrets")
    answer = app.client.secrets.import_secrets(
        cast("list[Item]", secrets),
        tenant_map=secret_values.read_json_file(tenant_map) if tenant_map else None,
        passphrase=passphrase,
        override_collisions=override_collisions,
    )
    app.result("Secrets imported", answer)
    action = "replaced" if override_collisions else "not changed"
    for tenant, keys in (answer.get("colliding_secrets") or {}).items():
        app.note(f"Secrets that exist already in tenant `{tenant}`, {action}: {', '.join(keys)}")
    _raise_errors(answer.get("secrets_errors") or {}, len(secrets))


def _raise_errors(errors: Mapping[str, JsonObject], count: int) -> None:
    if errors:
        lines = [f"Secret {int(index) + 1}: {_join(reasons)}" for index, reasons in errors.items()]
        raise CfyError(f"{len(errors)} of {count} secrets were not imported", hint="\n".join(lines))


def _join(reasons: JsonObject) -> str:
    texts = {name: ", ".join(map(str, text)) if isinstance(text, list) else text for name, text in reasons.items()}
    return "; ".join(f"{name}: {text}" for name, text in texts.items())
