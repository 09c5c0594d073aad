"""`cfy profiles`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

import click

from cfy_cli.contract.resource import Resource
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.options import Decorator, combine
from cfy_cli.shell.streams import read_secret

if TYPE_CHECKING:
    from typing import Unpack

    from cfy_cli.config.profiles import Profile

PROFILES = Resource(
    name="profiles", noun="profile", key="name", tenanted=False,
    columns=("name", "manager_ip", "manager_username", "manager_tenant", "ssh_user", "ssh_key", "ssh_port",
             "kerberos_env", "rest_port", "rest_protocol", "rest_certificate"),
    narrow=("name", "manager_ip", "manager_username", "manager_tenant", "rest_port", "rest_protocol"),
)  # fmt: skip
ARCHIVE = "cfy-profiles.tar.gz"


class AccessFields(TypedDict):
    """Fields of a profile that `cfy profiles use` and `set` can set, besides its address."""

    manager_token: str | None
    manager_username: str | None
    manager_password: str | None
    manager_tenant: str | None
    rest_certificate: str | None
    rest_port: int | None
    kerberos_env: bool | None
    ssh_user: str | None
    ssh_key: str | None
    ssh_port: int | None


class UseFields(AccessFields):
    ssl: bool


class SetFields(AccessFields):
    manager_ip: str | None
    ssl: str | None


class NodeFields(TypedDict):
    """Fields of a cluster node that `cfy profiles set-cluster` can set."""

    ssh_user: str | None
    ssh_key: str | None
    ssh_port: int | None
    cert: str | None


@click.group("profiles", cls=CommandGroup)
def cli() -> None:
    """Manage profiles: addresses and credentials of managers."""


def _access() -> Decorator:
    """Add the options for address and credentials."""
    return combine(
        click.option("-T", "--manager-token", help="The token to log in with."),
        click.option("-u", "--manager-username", help="The user to log in as."),
        click.option("-p", "--manager-password", help="The password of the user."),
        click.option("--password-stdin", is_flag=True, help="Read the password from stdin."),
        click.option("--keyring", is_flag=True, help="Store the password in the system's keyring, not in the profile."),
        click.option("-t", "--manager-tenant", help="The tenant to use."),
        click.option("-c", "--rest-certificate", help="The certificate file of the manager; implies https."),
        click.option("--rest-port", type=click.IntRange(1, 65535), help="The port of the manager."),
        click.option("--kerberos-env", type=bool, metavar="BOOLEAN", help="Whether to use Kerberos."),
        click.option("-s", "--ssh-user", help="The SSH user on the manager's machine."),
        click.option("-k", "--ssh-key", help="The SSH key file."),
        click.option("--ssh-port", type=click.IntRange(1, 65535), help="The SSH port."),
    )


@cli.command("use")
@click.argument("manager_ip")
@click.option("--profile-name", help="The name of the profile; by default the address.")
@click.option("--ssl", is_flag=True, help="Use https.")
@_access()
@click.option("--skip-credentials-validation", is_flag=True, help="Do not check the credentials with the manager.")
@pass_app
def use_profile(
    app: App,
    manager_ip: str,
    profile_name: str | None,
    skip_credentials_validation: bool,
    password_stdin: bool,
    keyring: bool,
    **fields: Unpack[UseFields],
) -> None:
    """Use the manager at MANAGER_IP: an address, the name of a profile, or `local`."""
    from cfy_cli.config.profiles import LOCAL
    from cfy_cli.shell.profile_changes import check_free, new_profile

    name = profile_name or (urlsplit(manager_ip).hostname if "://" in manager_ip else None) or manager_ip
    exists = name == manager_ip == LOCAL or app.profiles.exists(name)
    if not exists:
        check_free(name)
    _read_password(app, fields, from_stdin=password_stdin, may_prompt=not exists)
    if exists:
        ignored = sorted(field for field, value in {**fields, "keyring": keyring}.items() if value)
        if ignored:
            app.note(
                f"Profile `{name}` already exists; ignored: {', '.join(ignored)}. To change the profile in use: "
                "cfy profiles set -h"
            )
    else:
        profile = new_profile(name, manager_ip, **fields)
        if not skip_credentials_validation:
            _check(app, profile)
        _write(app, profile, keyring=keyring)
    app.profiles.activate(name)
    app.result(f"Using manager {name}", {"name": name})


@cli.command("set")
@click.option("--profile-name", help="The new name of the profile.")
@click.option("-m", "--manager-ip", help="The address of the manager.")
@click.option("--ssl", type=click.Choice(["on", "off"]), help="Whether to use https.")
@_access()
@click.option("--skip-credentials-validation", is_flag=True, hidden=True, help="Has no effect: nothing is validated.")
@pass_app
def set_profile(
    app: App,
    profile_name: str | None,
    skip_credentials_validation: bool,
    password_stdin: bool,
    keyring: bool,
    **fields: Unpack[SetFields],
) -> None:
    """Change the profile in use; the manager is not contacted."""
    from cfy_cli.shell.profile_changes import change_profile, rename_profile

    _read_password(app, fields, from_stdin=password_stdin, may_prompt=False)
    if not (profile_name or keyring) and all(value is None for value in fields.values()):
        raise Usage("There is nothing to set", hint="`cfy profiles set -h` lists the options.")
    profile = _current(app)
    change_profile(profile, **fields)
    if profile_name and profile_name != profile.name:
        rename_profile(app.profiles, profile, profile_name)
    _write(app, profile, keyring=keyring)
    app.result("Settings saved successfully", _visible(profile))


@cli.command("set-cluster")
@click.argument("cluster_node_name")
@click.option("-s", "--ssh-user", help="The SSH user on that node.")
@click.option("-k", "--ssh-key", help="The SSH key file.")
@click.option("--ssh-port", type=click.IntRange(1, 65535), help="The SSH port.")
@click.option("-c", "--rest-certificate", "cert", help="The certificate file of that node; implies https.")
@pass_app
def set_cluster_node(app: App, cluster_node_name: str, **fields: Unpack[NodeFields]) -> None:
    """Change the connection settings of the cluster node CLUSTER_NODE_NAME in the profile in use."""
    from cfy_cli.shell.profile_changes import change_cluster_node

    profile = _current(app)
    node = change_cluster_node(profile, cluster_node_name, **fields)
    app.profiles.write(profile)
    app.result("Settings saved successfully", node)


@cli.command("unset")
@click.option("-u", "--manager-username", is_flag=True, help="Remove the user.")
@click.option("-p", "--manager-password", is_flag=True, help="Remove the password.")
@click.option("-t", "--manager-tenant", is_flag=True, help="Remove the tenant.")
@click.option("-s", "--ssh-user", is_flag=True, help="Remove the SSH user.")
@click.option("-k", "--ssh-key", is_flag=True, help="Remove the SSH key file.")
@click.option("-c", "--rest-certificate", is_flag=True, help="Remove the certificate.")
@click.option("--kerberos-env", is_flag=True, help="Remove the Kerberos setting.")
@click.option("--skip-credentials-validation", is_flag=True, hidden=True, help="Has no effect: nothing is validated.")
@pass_app
def unset_profile(app: App, skip_credentials_validation: bool, kerberos_env: bool, **flags: bool) -> None:
    """Remove settings from the profile in use; the manager is not contacted."""
    from cfy_cli.config import keyring_storage

    if not (kerberos_env or any(flags.values())):
        raise Usage("There is nothing to remove", hint="`cfy profiles unset -h` lists the options.")
    profile = _current(app)
    for field, is_removed in flags.items():
        if is_removed:
            setattr(profile, field, None)
    if flags["manager_password"]:
        keyring_storage.delete(profile.name)
    profile.kerberos_env = profile.kerberos_env and not kerberos_env
    app.profiles.write(profile)
    app.result("Settings saved successfully", _visible(profile))


@cli.command("list")
@pass_app
def list_profiles(app: App) -> None:
    """List profiles; * marks the one in use."""
    active = app.profiles.active()
    items = [_visible(app.profiles.read(name)) | {"active": name == active} for name in app.profiles.names()]
    if app.options.format != "name":
        items = [item | {"name": f"*{item['name']}" if item["active"] else item["name"]} for item in items]
    app.show_items(items, PROFILES, (*PROFILES.columns, "active") if app.as_data else PROFILES.columns)
    if not items and not app.as_data:
        app.note("There are no profiles. Create one: cfy profiles use ADDRESS")


@cli.command("show-current")
@click.option("--effective", is_flag=True, help="Show the effective settings and their sources.")
@pass_app
def show_current(app: App, effective: bool) -> None:
    """Show the profile in use."""
    if effective:
        from cfy_cli.shell.effective_settings import SETTINGS, effective_settings

        app.show_items(effective_settings(app), SETTINGS, SETTINGS.columns)
        return
    profile = app.profile
    if profile:
        app.show(PROFILES, _visible(profile))
    else:
        app.result("No profile is in use: commands use the manager on this machine", None)


@cli.command("delete")
@click.argument("profile_name")
@pass_app
def delete_profile(app: App, profile_name: str) -> None:
    """Delete the profile PROFILE_NAME."""
    from cfy_cli.config import keyring_storage

    app.profiles.delete(profile_name)
    keyring_storage.delete(profile_name)
    app.result(f"Profile `{profile_name}` deleted", {"name": profile_name})


@cli.command("export")
@click.option("--include-keys", is_flag=True, help="Include the SSH keys.")
@click.option("-o", "--output-path", default=ARCHIVE, show_default=True, help="The archive to write.")
@pass_app
def export_profiles(app: App, include_keys: bool, output_path: str) -> None:
    """Export all profiles, with their passwords, to an archive."""
    from cfy_cli.config.profile_archive import export_profiles as export

    count = export(app.profiles, Path(os.path.expanduser(output_path)), include_keys=include_keys)
    app.result(f"{count} profiles exported to {output_path}", {"path": output_path, "count": count})


@cli.command("import")
@click.argument("archive_path", type=click.Path(exists=True, dir_okay=False))
@click.option("--include-keys", is_flag=True, help="Restore the SSH keys to their paths.")
@pass_app
def import_profiles(app: App, archive_path: str, include_keys: bool) -> None:
    """Import profiles from the archive ARCHIVE_PATH; profiles of the same names are replaced."""
    from cfy_cli.config.profile_archive import import_profiles as import_archive

    names = import_archive(app.profiles, Path(archive_path), include_keys=include_keys)
    app.result(f"Profiles imported: {', '.join(names)}", names)


def _current(app: App) -> Profile:
    profile = app.profile
    if profile is None:
        raise Usage("No profile is in use", hint="Use one: cfy profiles use ADDRESS")
    return profile


def _write(app: App, profile: Profile, *, keyring: bool) -> None:
    """Save the profile; with `keyring`, store its password there."""
    if keyring:
        from cfy_cli.config import keyring_storage

        if not profile.manager_password:
            raise Usage("There is no password to store in the keyring", hint="Give it with --password-stdin.")
        keyring_storage.store(profile.name, profile.manager_password)
        profile.manager_password = None
    app.profiles.write(profile)


def _read_password(app: App, fields: AccessFields, *, from_stdin: bool, may_prompt: bool) -> None:
    """Set the password from stdin or a prompt: on a command line other users can see it."""
    if from_stdin:
        fields["manager_password"] = read_secret("password")
    elif may_prompt and fields["manager_username"] and not fields["manager_password"] and app.interactive:
        fields["manager_password"] = click.prompt("Password", hide_input=True, err=True)


def _check(app: App, profile: Profile) -> None:
    connection = app.connection_of(profile)
    if connection is None:
        raise Usage("The profile has no address")
    if connection.username and not connection.password:
        raise Usage(
            f"There is no password for user `{connection.username}`",
            hint="Give --password-stdin, or --skip-credentials-validation to enter it at each command.",
        )
    app.note(f"Checking the credentials at {connection.url} ...")
    from cfy_cli.shell.version_notice import show_version_notice

    client = app.client_for(connection)
    client.status()
    show_version_notice(app, client)


def _visible(profile: Profile) -> dict[str, object]:
    return {column: getattr(profile, column) for column in PROFILES.columns}
