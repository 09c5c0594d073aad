"""cfy profiles: which manager to use, and as whom."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from cfy_cli.contract.resource import Resource
from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import CommandGroup
from cfy_cli.shell.options import Decorator, together

if TYPE_CHECKING:
    from cfy_cli.config.profiles import Profile

PROFILES = Resource(
    name="profiles", noun="profile", key="name", tenanted=False,
    columns=("name", "manager_ip", "manager_username", "manager_tenant", "ssh_user", "ssh_key", "ssh_port",
             "kerberos_env", "rest_port", "rest_protocol", "rest_certificate"),
)  # fmt: skip
LOCAL = "local"
ARCHIVE = "cfy-profiles.tar.gz"


@click.group("profiles", cls=CommandGroup)
def cli() -> None:
    """Handle profiles: which manager to use, and as whom."""


def _access() -> Decorator:
    """Whom to be for the manager."""
    return together(
        click.option("-T", "--manager-token", help="The token to log in with."),
        click.option("-u", "--manager-username", help="The user to log in as."),
        click.option("-p", "--manager-password", help="That user's password."),
        click.option("--password-stdin", is_flag=True, help="Read that user's password from stdin."),
        click.option("--keyring", is_flag=True, help="Keep the password in the system's keyring, not in the profile."),
        click.option("-t", "--manager-tenant", help="The tenant to act in."),
        click.option("-c", "--rest-certificate", help="A file with the certificate of the manager; implies https."),
        click.option("--rest-port", type=click.IntRange(1, 65535), help="The port of the manager."),
        click.option("--kerberos-env", type=bool, metavar="BOOLEAN", help="Whether the manager wants Kerberos."),
        click.option("-s", "--ssh-user", help="The user on the manager's machine."),
        click.option("-k", "--ssh-key", help="The key file of that user."),
        click.option("--ssh-port", type=click.IntRange(1, 65535), help="The port for ssh."),
    )


@cli.command("use")
@click.argument("manager_ip")
@click.option("--profile-name", help="What to call the profile; by default its address.")
@click.option("--ssl", is_flag=True, help="Speak https.")
@_access()
@click.option("--skip-credentials-validation", is_flag=True, help="Do not ask the manager whether we may come in.")
@pass_app
def use_profile(
    app: App, manager_ip: str, profile_name: str | None, skip_credentials_validation: bool, **fields: Any
) -> None:
    """Use the manager at MANAGER_IP from now on: an address, the name of a profile, or `local`."""
    from cfy_cli.shell.profile_changes import new_profile

    name = profile_name or (urlsplit(manager_ip).hostname if "://" in manager_ip else None) or manager_ip
    _take_password(app, fields, ask=name != LOCAL and not app.profiles.exists(name))
    given = sorted(field for field, value in fields.items() if value)
    if name == LOCAL or app.profiles.exists(name):
        if given:
            app.note(f"Profile `{name}` exists: {', '.join(given)} ignored. To change it: cfy profiles set")
    else:
        keyring = fields.pop("keyring")
        profile = new_profile(name, manager_ip, **fields)
        if not skip_credentials_validation:
            _check(app, profile)
        _write(app, profile, keyring=keyring)
    app.profiles.activate(name)
    app.result(f"Using manager {name}", {"name": name})


@cli.command("set")
@click.option("--profile-name", help="What to call the profile from now on.")
@click.option("-m", "--manager-ip", help="The address of the manager.")
@click.option("--ssl", type=click.Choice(["on", "off"]), help="Whether to speak https.")
@_access()
@click.option("--skip-credentials-validation", is_flag=True, hidden=True, help="Has no effect: nothing is validated.")
@pass_app
def set_profile(app: App, profile_name: str | None, skip_credentials_validation: bool, **fields: Any) -> None:
    """Change the profile in use; the manager is not asked."""
    from cfy_cli.shell.profile_changes import change, rename

    _take_password(app, fields, ask=False)
    keyring = fields.pop("keyring")
    if not (profile_name or keyring) and all(value is None for value in fields.values()):
        raise Usage("Say what to set", hint="`cfy profiles set -h` tells what there is.")
    profile = _current(app)
    change(profile, **fields)
    if profile_name and profile_name != profile.name:
        rename(app.profiles, profile, profile_name)
    _write(app, profile, keyring=keyring)
    app.result("Settings saved successfully", _visible(profile))


@cli.command("set-cluster")
@click.argument("cluster_node_name")
@click.option("-s", "--ssh-user", help="The user on that machine.")
@click.option("-k", "--ssh-key", help="The key file of that user.")
@click.option("--ssh-port", type=click.IntRange(1, 65535), help="The port for ssh.")
@click.option("-c", "--rest-certificate", "cert", help="A file with the certificate of that node; implies https.")
@pass_app
def set_cluster_node(app: App, cluster_node_name: str, **fields: Any) -> None:
    """Change how the node CLUSTER_NODE_NAME of the cluster in the profile is reached; nobody is asked."""
    from cfy_cli.shell.profile_changes import change_node

    profile = _current(app)
    node = change_node(profile, cluster_node_name, **fields)
    app.profiles.write(profile)
    app.result("Settings saved successfully", node)


@cli.command("unset")
@click.option("-u", "--manager-username", is_flag=True, help="Forget the user.")
@click.option("-p", "--manager-password", is_flag=True, help="Forget the password.")
@click.option("-t", "--manager-tenant", is_flag=True, help="Forget the tenant.")
@click.option("-s", "--ssh-user", is_flag=True, help="Forget the user on the manager's machine.")
@click.option("-k", "--ssh-key", is_flag=True, help="Forget that user's key file.")
@click.option("-c", "--rest-certificate", is_flag=True, help="Forget the certificate.")
@click.option("--kerberos-env", is_flag=True, help="Forget about Kerberos.")
@click.option("--skip-credentials-validation", is_flag=True, hidden=True, help="Has no effect: nothing is validated.")
@pass_app
def unset_profile(app: App, skip_credentials_validation: bool, kerberos_env: bool, **flags: bool) -> None:
    """Forget parts of the profile in use; the manager is not asked."""
    from cfy_cli.config import keyring_storage

    if not (kerberos_env or any(flags.values())):
        raise Usage("Say what to forget", hint="`cfy profiles unset -h` tells what there is.")
    profile = _current(app)
    for field, forget in flags.items():
        if forget:
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
    if not app.as_data:
        items = [item | {"name": f"*{item['name']}" if item["active"] else item["name"]} for item in items]
    app.show_items(items, PROFILES, PROFILES.columns)
    if not items:
        app.note("There are no profiles. Create one: cfy profiles use ADDRESS")


@cli.command("show-current")
@click.option("--effective", is_flag=True, help="Show what holds now, and whether a flag, variable or profile says so.")
@pass_app
def show_current(app: App, effective: bool) -> None:
    """Show the profile in use."""
    if effective:
        from cfy_cli.shell.effective_settings import EFFECTIVE
        from cfy_cli.shell.effective_settings import effective as rows

        app.show_items(rows(app), EFFECTIVE, EFFECTIVE.columns)
        return
    profile = app.profile
    if profile:
        app.show(PROFILES, _visible(profile))
    else:
        app.result("No profile is in use: commands go to the manager on this machine", None)


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
@click.option("--include-keys", is_flag=True, help="Put ssh keys into the archive too.")
@click.option("-o", "--output-path", default=ARCHIVE, show_default=True, help="The archive to write.")
@pass_app
def export_profiles(app: App, include_keys: bool, output_path: str) -> None:
    """Write all profiles to an archive; it holds what they hold, passwords too."""
    from cfy_cli.config.profile_archive import export_profiles as export

    count = export(app.profiles, Path(output_path).expanduser(), include_keys=include_keys)
    app.result(f"{count} profiles exported to {output_path}", {"path": output_path, "count": count})


@cli.command("import")
@click.argument("archive_path", type=click.Path(exists=True, dir_okay=False))
@click.option("--include-keys", is_flag=True, help="Put ssh keys back where they were.")
@pass_app
def import_profiles(app: App, archive_path: str, include_keys: bool) -> None:
    """Read profiles from the archive ARCHIVE_PATH; those of the same names are replaced."""
    from cfy_cli.config.profile_archive import import_profiles as take

    names = take(app.profiles, Path(archive_path), include_keys=include_keys)
    app.result(f"Profiles imported: {', '.join(names)}", names)


def _current(app: App) -> Profile:
    profile = app.profile
    if profile is None:
        raise Usage("No profile is in use", hint="Use one: cfy profiles use ADDRESS")
    return profile


def _write(app: App, profile: Profile, *, keyring: bool) -> None:
    """Save it, with its password in the keyring if that is wanted."""
    if keyring:
        from cfy_cli.config import keyring_storage

        if not profile.manager_password:
            raise Usage("There is no password to keep in the keyring", hint="Give it with --password-stdin.")
        keyring_storage.store(profile.name, profile.manager_password)
        profile.manager_password = None
    app.profiles.write(profile)


def _take_password(app: App, fields: dict[str, Any], *, ask: bool) -> None:
    """A password that is not on the command line, where others can see it."""
    if fields.pop("password_stdin"):
        fields["manager_password"] = sys.stdin.readline().rstrip("\n")
    elif ask and fields["manager_username"] and not fields["manager_password"] and app.interactive:
        fields["manager_password"] = click.prompt("Password", hide_input=True, err=True)


def _check(app: App, profile: Profile) -> None:
    connection = app.connection_of(profile)
    if connection is None:
        raise Usage("The profile has no address")
    if connection.username and not connection.password:
        raise Usage(
            f"There is no password to log in as `{connection.username}` with",
            hint="Give --password-stdin, or --skip-credentials-validation to be asked for it each time.",
        )
    app.note(f"Asking {connection.url} whether it lets us in ...")
    from cfy_cli.shell.version_notice import tell_skew

    client = app.client_for(connection)
    client.status()
    tell_skew(app, client)


def _visible(profile: Profile) -> dict[str, Any]:
    return {column: getattr(profile, column) for column in PROFILES.columns}
