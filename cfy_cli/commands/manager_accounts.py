"""`cfy manager unlock` and `reset-password`: users of the manager on this machine, without a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cfy_cli.errors import Usage
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command
from cfy_cli.shell.first_login import ignore_login
from cfy_cli.shell.streams import read_secret

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = "admin"
_data_dir = click.option("--data-dir", type=click.Path(file_okay=False), help="The folder of the manager's data.")


@click.command("unlock", cls=Command)
@click.argument("username", default=ADMIN)
@_data_dir
@pass_app
def unlock_user(app: App, username: str, data_dir: str | None) -> None:
    """Unlock the user USERNAME, by default admin, on the manager on this machine; no login is needed."""
    from cfy_cli.commands.manager_settings import load_settings
    from cfy_cli.manager import accounts

    accounts.unlock(load_settings(app, data_dir=data_dir), username)
    app.result(f"User `{username}` unlocked", {"username": username})


@click.command("reset-password", cls=Command)
@click.argument("username", default=ADMIN)
@click.option("-p", "--password", help="The new password; without it, you are prompted, or one is generated.")
@click.option("--password-stdin", is_flag=True, help="Read the password from stdin.")
@click.option("--generate", is_flag=True, help="Generate a password and show it.")
@_data_dir
@pass_app
def reset_password(
    app: App, username: str, password: str | None, password_stdin: bool, generate: bool, data_dir: str | None
) -> None:
    """Set the password of the user USERNAME, by default admin, on the manager on this machine.

    No login is needed, and the manager may be running. The user is unlocked, and the user's tokens end. The profile
    `local` logs in with the new password of its user.
    """
    from cfy_cli.commands.manager_settings import load_settings
    from cfy_cli.manager import accounts

    if sum((password is not None, password_stdin, generate)) > 1:
        raise Usage("Give one of --password, --password-stdin and --generate")
    if password_stdin:
        password = read_secret("password")
    elif password is None and not generate and app.interactive:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    settings = load_settings(app, data_dir=data_dir)
    new = accounts.reset_password(settings, username, password)
    app.result(
        f"New password of `{username}` set" + ("" if password else f": {new}"),
        {"username": username, **({} if password else {"password": new})},
    )
    if profile := _update_profile(app, settings.data_dir, username, new):
        app.note(f"Profile `{profile}` logs in with it")


def _update_profile(app: App, data_dir: Path, username: str, password: str) -> str | None:
    """Store the password in the profile `local` if it is of this user and data folder; return the profile's name."""
    from cfy_cli.commands.manager_settings import load_settings
    from cfy_cli.config import keyring_storage

    profile = app.profiles.local()
    if not app.profiles.exists(profile.name) or load_settings(app).data_dir != data_dir:
        return None
    is_of_user = profile.manager_username == username
    if is_of_user and profile.manager_password is None and keyring_storage.read(profile.name):
        keyring_storage.store(profile.name, password)
    elif is_of_user:
        profile.manager_password = password
    ignore_login(profile, data_dir / "admin.json")
    app.profiles.write(profile)
    return profile.name if is_of_user else None
