"""What a running command may reach: settings, the client, the screen."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from cfy_cli.shell.printer import Printer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests

    from cfy_cli.client.client import Client
    from cfy_cli.config.profiles import Profile, Profiles
    from cfy_cli.config.settings import Settings
    from cfy_cli.contract.connection import Connection


class App(Printer):
    """One command line as it runs. Tests give a `profile` and a `session` that reaches a manager of theirs.

    `autostart` starts the manager on this machine when no profile names another, and gives a profile to reach it.
    """

    def __init__(
        self,
        *,
        profile: Profile | None = None,
        session: requests.Session | None = None,
        autostart: Callable[[App], Profile] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__()
        self.environ = environ
        self.colour = False if environ.get("NO_COLOR") else None
        self.tenant: str | None = None
        self.manager: str | None = None
        self.profile_name: str | None = None
        self.agreed = False  # --yes
        self.silent = False  # --non-interactive
        self._profile = profile
        self.session = session
        self._autostart = autostart
        self._target_named = False

    # --- where we are ---

    @cached_property
    def home(self) -> Path:
        from cfy_cli.config.paths import home

        return home(self.environ)

    @cached_property
    def profiles(self) -> Profiles:
        from cfy_cli.config.profiles import Profiles

        return Profiles(self.home)

    @cached_property
    def client(self) -> Client:
        return self.client_for(self.connection)

    @cached_property
    def connection(self) -> Connection:
        profile = self.profile
        if self.goes_here(profile) and self._autostart and not self._profile:
            profile = self._autostart(self)
        found = self.connection_of(profile)
        if found is None:
            from cfy_cli.errors import Unreachable

            raise Unreachable("No manager is in use", hint="Name one: cfy profiles use ADDRESS")
        if found.username and not found.password:
            from dataclasses import replace

            return replace(found, password=self._password(found, profile))
        return found

    @property
    def profile(self) -> Profile | None:
        """The profile that was named for this command, or else the one in use."""
        return self._named_profile() or self._profile or self.profiles.current()

    def goes_here(self, profile: Profile | None) -> bool:
        """Whether this command is for the manager on this machine, which is started when it is needed."""
        from cfy_cli.config.profiles import LOCAL

        local = profile is None or profile.name == LOCAL
        return local and not self._manager_address and not self.environ.get("CLOUDIFY_MANAGER")

    def use_local(self) -> None:
        """From now on this command and those after it go to the manager on this machine, unless one was named."""
        if self.manager or self._profile or not self._autostart:
            return
        self._profile = self._autostart(self)
        before = self.profiles.active()
        if before not in (None, self._profile.name):
            self.profiles.activate(self._profile.name)
            self.note(f"Profile `{self._profile.name}` is in use now; to go back: cfy profiles use {before}")

    def settings_of(self, profile: Profile | None) -> Settings:
        """What the profile, with the variables and flags of this command line on top, comes to."""
        from cfy_cli.config.settings import settings

        folder = self.profiles.path(profile.name) if profile and profile.name else None
        return settings(
            profile, self.environ, manager=self._manager_address, tenant=self.tenant, certificate_folder=folder
        )

    def connection_of(self, profile: Profile | None) -> Connection | None:
        """How to reach the manager of this profile; None when nothing names one."""
        from cfy_cli.config.settings import connection

        return connection(self.settings_of(profile), profile)

    def client_for(self, connection: Connection) -> Client:
        from cfy_cli.client.client import Client  # brings `requests`: half of our start-up time
        from cfy_cli.client.http import Http

        return Client(Http(connection, session=self.session, log=self._log, before_delete=self._name_target))

    def close(self) -> None:
        """Let go of what the command held open; a session that was given to us stays open."""
        if "client" in self.__dict__ and self.session is None:
            self.client.http.close()

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked, and may be."""
        return not self.silent and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def _manager_address(self) -> str | None:
        return None if self._manager_is_profile() else self.manager

    def _named_profile(self) -> Profile | None:
        name = self.profile_name or self.environ.get("CFY_PROFILE")
        if name:
            return self.profiles.read(name)
        return self.profiles.read(str(self.manager)) if self._manager_is_profile() else None

    def _manager_is_profile(self) -> bool:
        return bool(self.manager) and "/" not in str(self.manager) and self.profiles.exists(str(self.manager))

    def _password(self, found: Connection, profile: Profile | None) -> str:
        """Of a user for whom none is written down: from the keyring, or from whoever is there."""
        from cfy_cli.config import keyring_storage

        kept = keyring_storage.read(profile.name) if profile and profile.manager_username == found.username else None
        if kept:
            return kept
        if not self.interactive:
            from cfy_cli.errors import Unauthorized

            raise Unauthorized(
                f"There is no password for user `{found.username}` at {found.url}",
                hint="Keep it: cfy profiles set --password-stdin, or give a token in $CLOUDIFY_TOKEN",
            )
        return str(click.prompt(f"Password of {found.username} at {found.url}", hide_input=True, err=True))

    def _name_target(self) -> None:
        """Somebody at a terminal is told where something is about to be deleted, once."""
        if not self._target_named and sys.stderr.isatty():
            self.note(f"On {self.connection.url}, tenant {self.connection.tenant}:")
        self._target_named = True

    def _log(self, level: int, text: str) -> None:
        if self.verbosity >= level:
            click.echo(text, err=True)

    def confirm(self, question: str) -> None:
        """Go on only with a yes. Raises Usage where nobody can be asked, and Abort after a no."""
        if self.agreed:
            return
        if not self.interactive:
            from cfy_cli.errors import Usage

            raise Usage(f"{question} Nobody is here to say so", hint="Give --yes to go on.")
        click.confirm(question, abort=True, err=True)


def pass_app(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command the App as its first argument."""
    return click.make_pass_decorator(App, ensure=True)(command)
