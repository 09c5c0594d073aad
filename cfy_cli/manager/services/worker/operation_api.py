"""What running operations need of the manager itself: plugins, and a token to speak to it."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from cfy_cli.contract.plan import Plan
from cfy_cli.errors import NotFound
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.ports import CancelRequest
from cfy_cli.manager.services import extensions
from cfy_cli.manager.services.identity import tokens
from cfy_cli.manager.services.plugins.installation import ensure_plugin_venv
from cfy_cli.manager.services.plugins.resolve import resolve_requirement
from cfy_cli.manager.services.plugins.sources import ensure_source_venv
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows import cascade
from cfy_cli.manager.services.transfer import fetching
from cfy_cli.manager.store.models import Blueprint, Deployment

RENEW = 12 * 3600.0  # seconds


class Operating:
    """Adds to the records of an execution what its operations may ask of the manager."""

    deployment: Deployment
    cancel_request: Callable[[], CancelRequest]

    def __init__(self, context: ExecutionContext) -> None:
        self._work = context
        self._token, self._renew_at = "", float("-inf")
        self._token_guard = threading.Lock()

    def ensure_installed(self, plugin: Mapping[str, Any], log: Callable[[str, str], None]) -> Path:
        """`cfy_cli.manager.engine.operations.plugin.PluginHost`: one that was uploaded, else from its source."""
        app, source = self._work.app, plugin.get("source")
        try:
            with self._work.reading() as store:
                found = resolve_requirement(store, plugin)
        except NotFound:
            if not source:
                raise
            return ensure_source_venv(app.files, self.deployment.blueprint_storage_id, plugin, log)
        return ensure_plugin_venv(app, found, log)

    def workflow_plugin(self, name: str) -> Mapping[str, Any]:
        """`cfy_cli.manager.engine.workflows.python.WorkflowHost`."""
        with self._work.reading() as store:
            number = self.deployment.blueprint_storage_id
            plan: Plan | None = store.unscoped.scalar(select(Blueprint.plan).where(Blueprint.storage_id == number))
        plugins = plan["workflow_plugins_to_install"] if plan else ()
        return next((one for one in plugins if one["name"] == name), {"name": name})

    def run_extension(self, ctx: OperationContext, name: str) -> Any:
        """`cfy_cli.manager.engine.operations.plugin.ExtensionHost`."""
        return extensions.run(self._work, ctx, name)

    def fetch(self, url: str, file: IO[bytes]) -> None:
        """`cfy_cli.manager.engine.operations.script.FetchingHost`."""
        fetching.fetch(url, file)

    def uninstall_contained(self, *, ignore_failure: bool) -> None:
        """`cfy_cli.manager.engine.ports.CascadeHost`."""
        cascade.uninstall(
            self._work, lambda: self.cancel_request() is CancelRequest.NONE, ignore_failure=ignore_failure
        )

    def rest_token(self) -> str:
        """A token of the user who started the execution, for its operations; good for half a day at least."""
        with self._token_guard:
            if time.monotonic() >= self._renew_at:
                self._token, self._renew_at = (
                    retry_until_available(self._work.stopping, self._new_token),
                    time.monotonic() + RENEW,
                )
            return self._token

    def _new_token(self) -> str:
        with self._work.app.writing(self._work.scope) as store:
            return tokens.create(store, f"execution {self._work.execution.id}", "+1d")[1]
