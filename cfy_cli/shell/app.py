"""What a running command may reach: settings, the client, the screen."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from cfy_cli.shell.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests

    from cfy_cli.client.client import Client
    from cfy_cli.config.profiles import Profile, Profiles
    from cfy_cli.contract.connection import Connection


class App(Screen):
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
        self._profile = profile
        self._session = session
        self._autostart = autostart

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
        from cfy_cli.config.profiles import LOCAL

        profile = self._profile or self._named_profile() or self.profiles.current()
        local = profile is None or profile.name == LOCAL
        if local and not self._manager_address and self._autostart and not self._profile:
            profile = self._autostart(self)
        found = self.connection_of(profile)
        if found is None:
            from cfy_cli.errors import Unreachable

            raise Unreachable("No manager is in use", hint="Name one: cfy profiles use ADDRESS")
        return found

    def use_local(self) -> None:
        """From now on this command and those after it go to the manager on this machine, unless one was named."""
        if self.manager or self._profile or not self._autostart:
            return
        self._profile = self._autostart(self)
        before = self.profiles.active()
        if before not in (None, self._profile.name):
            self.profiles.activate(self._profile.name)
            self.note(f"Profile `{self._profile.name}` is in use now; to go back: cfy profiles use {before}")

    def connection_of(self, profile: Profile | None) -> Connection | None:
        """How to reach the manager of this profile, with the flags and variables of this command line on top."""
        from cfy_cli.config.settings import connection

        folder = self.profiles.path(profile.name) if profile and profile.name else None
        return connection(
            profile, self.environ, manager=self._manager_address, tenant=self.tenant, certificate_folder=folder
        )

    def client_for(self, connection: Connection) -> Client:
        from cfy_cli.client.client import Client  # brings `requests`: half of our start-up time
        from cfy_cli.client.http import Http

        return Client(Http(connection, session=self._session, log=self._log))

    def close(self) -> None:
        """Let go of what the command held open; a session that was given to us stays open."""
        if "client" in self.__dict__ and self._session is None:
            self.client.http.close()

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def _manager_address(self) -> str | None:
        if self.manager and self._named_profile():
            return None
        return self.manager

    def _named_profile(self) -> Profile | None:
        if not self.manager or "/" in self.manager or not self.profiles.exists(self.manager):
            return None
        return self.profiles.read(self.manager)

    def _log(self, level: int, text: str) -> None:
        if self.verbosity >= level:
            click.echo(text, err=True)

    def confirm(self, question: str) -> bool:
        """Ask on stderr; nobody there to answer means no."""
        return self.interactive and click.confirm(question, err=True)


def pass_app(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command the App as its first argument."""
    return click.make_pass_decorator(App, ensure=True)(command)
