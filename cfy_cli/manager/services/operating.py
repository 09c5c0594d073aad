"""What running operations need of the manager itself: plugins, and a token to speak to it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from cfy_cli.errors import NotFound
from cfy_cli.manager.engine.context.scope import Scope
from cfy_cli.manager.engine.ports import Steering
from cfy_cli.manager.services import contained, extensions, fetching, tokens
from cfy_cli.manager.services.plugin_choice import required
from cfy_cli.manager.services.plugin_environments import environment_of
from cfy_cli.manager.services.plugin_sources import environment_from_source
from cfy_cli.manager.services.work import Work
from cfy_cli.manager.store.models import Blueprint, Deployment


class Operating:
    """Adds to the records of an execution what its operations may ask of the manager."""

    _work: Work
    deployment: Deployment
    steering: Callable[[], Steering]
    _token: str | None = None

    def installed(self, plugin: Mapping[str, Any], tell: Callable[[str, str], None]) -> Path:
        """`cfy_cli.manager.engine.operations.plugin.PluginHost`: one that was uploaded, else from its source."""
        manager, source = self._work.manager, plugin.get("source")
        try:
            with manager.reading(self._work.scope) as store:
                found = required(store, plugin)
        except NotFound:
            if not source:
                raise
            return environment_from_source(manager.files, self.deployment.blueprint_storage_id, plugin, tell)
        return environment_of(manager, found, tell)

    def workflow_plugin(self, name: str) -> Mapping[str, Any]:
        """`cfy_cli.manager.engine.workflows.python.WorkflowHost`."""
        with self._work.manager.reading(self._work.scope) as store:
            number = self.deployment.blueprint_storage_id
            plan = store.session.scalar(select(Blueprint.plan).where(Blueprint.storage_id == number)) or {}
        plugins = plan.get("workflow_plugins_to_install") or ()
        return next((one for one in plugins if one["name"] == name), {"name": name})

    def extension(self, scope: Scope, name: str) -> Any:
        """`cfy_cli.manager.engine.operations.plugin.ExtensionHost`."""
        return extensions.run(self._work, scope, name)

    def fetch(self, url: str, file: IO[bytes]) -> None:
        """`cfy_cli.manager.engine.operations.script.FetchingHost`."""
        fetching.fetch(url, file)

    def uninstall_inside(self, *, ignore_failure: bool) -> None:
        """`cfy_cli.manager.engine.ports.Environment`."""
        contained.uninstall(self._work, lambda: self.steering() is Steering.GO_ON, ignore_failure=ignore_failure)

    def rest_token(self) -> str:
        """A token of the user who started the execution; one for all of its operations, for a day."""
        if self._token is None:
            with self._work.manager.writing(self._work.scope) as store:
                self._token = tokens.create(store, f"execution {self._work.execution.id}", "+1d")[1]
        return self._token
