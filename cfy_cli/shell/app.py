"""The object that every command gets: global options, settings, the client and the output."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

import click

from cfy_cli.shell.printer import OutputOptions, Printer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests

    from cfy_cli.client.client import Client
    from cfy_cli.config.config_file import Config
    from cfy_cli.config.profiles import Profile, Profiles
    from cfy_cli.config.settings import Settings
    from cfy_cli.contract.connection import Connection


class GlobalOptions(OutputOptions):
    """Values of the global options, which `cfy_cli.shell.global_options` sets while the command line is parsed."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant: str | None = None
        self.manager: str | None = None  # an address or the name of a profile
        self.profile_name: str | None = None
        self.assume_yes = False
        self.non_interactive = False


class App(Printer):
    """One run of the command line.

    `profile` replaces the profile in use, `session` the network (tests give both). `autostart` starts the embedded
    manager when no other manager is configured, and returns its profile.
    """

    def __init__(
        self,
        *,
        profile: Profile | None = None,
        session: requests.Session | None = None,
        autostart: Callable[[App], Profile] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.options = GlobalOptions()
        super().__init__(self.options)
        self.environ = environ
        self.options.color = False if environ.get("NO_COLOR") else None
        self.session = session
        self._profile = profile
        self._autostart = autostart
        self._target_shown = False

    # --- settings ---

    @cached_property
    def home(self) -> Path:
        from cfy_cli.config.paths import home

        return home(self.environ)

    @cached_property
    def profiles(self) -> Profiles:
        from cfy_cli.config.profiles import Profiles

        return Profiles(self.home)

    @cached_property
    def config(self) -> Config:
        """The configuration file. Raises InvalidConfig."""
        from cfy_cli.config.config_file import load_config

        return load_config(self.environ)

    def apply_config(self) -> None:
        """Take the defaults of the configuration file; environment variables and options replace them later."""
        from cfy_cli.config.config_file import COLORS, EVENTS

        self.options.format = self.config.format or self.options.format
        self.options.list_columns = self.config.columns
        self.options.compact_events = EVENTS[self.config.events or "auto"]
        if self.config.color and not self.environ.get("NO_COLOR"):
            self.options.color = COLORS[self.config.color]

    @property
    def profile(self) -> Profile | None:
        """Return the profile named on this command line, or else the one in use."""
        return self._named_profile() or self._profile or self.profiles.current()

    def uses_embedded(self, profile: Profile | None) -> bool:
        """Tell whether this command uses the embedded manager, which is started when needed."""
        is_local = profile is None or profile.is_embedded
        return is_local and not self._manager_address and not self.environ.get("CLOUDIFY_MANAGER")

    def use_embedded(self) -> None:
        """Start the embedded manager and use it for this command and the next, unless --manager was given."""
        if self.options.manager or self._profile or not self._autostart:
            return
        self._profile = self._autostart(self)
        previous = self.profiles.active()
        if previous not in (None, self._profile.name):
            self.profiles.activate(self._profile.name)
            self.note(f"Now using profile `{self._profile.name}`. To go back: cfy profiles use {previous}")

    def settings_of(self, profile: Profile | None) -> Settings:
        """Resolve the settings of a profile together with the environment and the options of this command line."""
        from cfy_cli.config.settings import settings

        folder = self.profiles.path(profile.name) if profile and profile.name else None
        return settings(
            profile, self.environ, manager=self._manager_address, tenant=self.options.tenant, certificate_folder=folder
        )

    @property
    def interactive(self) -> bool:
        """Tell whether prompts are possible and allowed."""
        return not self.options.non_interactive and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def _manager_address(self) -> str | None:
        return None if self._is_manager_a_profile() else self.options.manager

    def _named_profile(self) -> Profile | None:
        name = self.options.profile_name or self.environ.get("CFY_PROFILE")
        if name:
            return self.profiles.read(name)
        return self.profiles.read(str(self.options.manager)) if self._is_manager_a_profile() else None

    def _is_manager_a_profile(self) -> bool:
        name = self.options.manager
        return bool(name) and "/" not in str(name) and self.profiles.exists(str(name))

    # --- client ---

    @cached_property
    def client(self) -> Client:
        return self.client_for(self.connection)

    @cached_property
    def connection(self) -> Connection:
        """The connection to the manager of this command; starts the embedded manager or prompts for a password."""
        profile = self.profile
        if self.uses_embedded(profile) and self._autostart and not self._profile:
            profile = self._autostart(self)
        connection = self.connection_of(profile)
        if connection is None:
            from cfy_cli.errors import Unreachable

            raise Unreachable("No manager is in use", hint="Use one: cfy profiles use ADDRESS")
        if connection.username and not connection.password:
            from dataclasses import replace

            return replace(connection, password=self._find_password(connection, profile))
        return connection

    def connection_of(self, profile: Profile | None) -> Connection | None:
        """Build the connection to the manager of a profile; None when no setting names a manager."""
        from cfy_cli.config.settings import connection

        return connection(self.settings_of(profile), profile)

    def client_for(self, connection: Connection) -> Client:
        from cfy_cli.client.client import Client  # imports `requests`: half of the start-up time
        from cfy_cli.client.http import Http

        return Client(Http(connection, session=self.session, log=self._log, before_delete=self._show_target))

    def in_tenant(self, tenant: str) -> App:
        """Return the same for another tenant."""
        from copy import copy
        from dataclasses import replace

        if self.connection.tenant == tenant:
            return self
        other = copy(self)
        other.__dict__["client"] = self.client_for(replace(self.connection, tenant=tenant))
        return other

    def close(self) -> None:
        """Close the client's connections, unless the session was given by the caller."""
        if "client" in self.__dict__ and self.session is None:
            self.client.http.close()

    def _find_password(self, connection: Connection, profile: Profile | None) -> str:
        """Return the password from the keyring or a prompt. Raises Unauthorized when there is none."""
        from cfy_cli.config import keyring_storage

        is_of_profile = profile and profile.manager_username == connection.username
        stored = keyring_storage.read(profile.name) if profile and is_of_profile else None
        if stored:
            return stored
        if not self.interactive:
            from cfy_cli.errors import Unauthorized

            raise Unauthorized(
                f"There is no password for user `{connection.username}` at {connection.url}",
                hint="Set it: cfy profiles set --password-stdin, or set $CLOUDIFY_TOKEN",
            )
        text = f"Password of {connection.username} at {connection.url}"
        return str(click.prompt(text, hide_input=True, err=True))

    def hide_target(self) -> None:
        """Delete without saying where."""
        self._target_shown = True

    def _show_target(self) -> None:
        """Show once, on a terminal, on which manager and tenant something is about to be deleted."""
        if not self._target_shown and sys.stderr.isatty():
            self.note(f"On {self.connection.url}, tenant {self.connection.tenant}:")
        self._target_shown = True

    def _log(self, level: int, text: str) -> None:
        if self.options.verbosity >= level:
            click.echo(text, err=True)

    # --- prompts ---

    def confirm(self, question: str) -> None:
        """Ask for confirmation unless --yes was given. Raises Usage without a terminal, Abort after a no."""
        if self.options.assume_yes:
            return
        if not self.interactive:
            from cfy_cli.errors import Usage

            raise Usage(f"Confirmation required: {question}", hint="Give --yes to confirm.")
        click.confirm(question, abort=True, err=True)


def pass_app(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the App of the context to the command as its first argument."""
    return click.make_pass_decorator(App, ensure=True)(command)
