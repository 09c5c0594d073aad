"""Records of a deployment for the engine, with what operations and workflows may request of the manager."""

import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

from sqlalchemy import select, update

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.plan import PluginPlan
from cfy_cli.contract.states import UpdateState
from cfy_cli.errors import NotFound
from cfy_cli.manager.engine.agents import AgentHost, AgentRoute
from cfy_cli.manager.engine.context.calls import TokenHost
from cfy_cli.manager.engine.context.operation_context import OperationContext
from cfy_cli.manager.engine.operations.plugin import ExtensionHost
from cfy_cli.manager.engine.operations.script import FetchingHost
from cfy_cli.manager.engine.ports import CancelRequest, CascadeHost, StartMode, UpdateHost, UpdatePlan
from cfy_cli.manager.engine.tasks import Failure, OperationFailed
from cfy_cli.manager.engine.workflows.python import WorkflowHost
from cfy_cli.manager.services import extensions
from cfy_cli.manager.services.agents import operations as agent_operations
from cfy_cli.manager.services.agents.operations import HostAgent
from cfy_cli.manager.services.blueprints import blueprint_imports, unpacked
from cfy_cli.manager.services.identity import tokens
from cfy_cli.manager.services.plugins.installation import ensure_plugin_venv
from cfy_cli.manager.services.plugins.resolve import resolve_requirement
from cfy_cli.manager.services.plugins.sources import ensure_source_venv
from cfy_cli.manager.services.runtime.db_retry import retry_until_available
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.system_workflows import cascade
from cfy_cli.manager.services.transfer import fetching
from cfy_cli.manager.services.worker import update_workflows, updates
from cfy_cli.manager.services.worker.records import StoreRecords
from cfy_cli.manager.store.models import Blueprint, Deployment, Operation, Plugin
from cfy_cli.manager.store.storage import RowKey

TOKEN_RENEWAL_INTERVAL = 12 * 3600.0  # seconds; tokens expire after twice as long


class ManagerRecords(
    StoreRecords, WorkflowHost, ExtensionHost, FetchingHost, TokenHost, CascadeHost, UpdateHost, AgentHost
):
    """Each base class named *Host is a protocol of the engine for records that offer the service."""

    def __init__(self, context: ExecutionContext, deployment: Deployment) -> None:
        super().__init__(context, deployment)
        self._token, self._renew_token_at = "", float("-inf")  # monotonic time
        self._token_lock = threading.Lock()
        self._used: set[RowKey] = set()  # whose folders in the cache stay until the execution ends
        self._used_lock = threading.Lock()

    def ensure_installed(self, plugin: PluginPlan, log: Callable[[str, str], None]) -> Path:
        """Return the virtual environment of an uploaded plugin or, if none fits, of the plugin's source.

        A plugin that is not to be installed and has neither is imported from the environment of this process.
        """
        app = self._context.app
        try:
            with self._context.reading("plugin_get") as store:
                uploaded = resolve_requirement(store, plugin)
        except NotFound:
            if not plugin.get("source") and plugin.get("install") is False:
                return Path(sys.prefix)
            if not plugin.get("source"):
                raise
            blueprint = self._find_source_blueprint(plugin)
            with unpacked.use(app.files, blueprint) as resources:
                self._use((Blueprint.FOLDER, blueprint))
                return ensure_source_venv(app, blueprint, resources, plugin, log)
        self._use((Plugin.FOLDER, uploaded.storage_id))
        return ensure_plugin_venv(app, uploaded, log)

    def _use(self, key: RowKey) -> None:
        with self._used_lock:
            if key not in self._used:
                self._context.until_end.enter_context(self._context.app.files.cache.use(key))
                self._used.add(key)

    def _find_source_blueprint(self, plugin: PluginPlan) -> int:
        """Return the storage id of the blueprint that holds the source of a plugin: its own, or an imported one."""
        own = self.deployment.blueprint_storage_id
        namespace = plugin["name"].rpartition("--")[0]
        if not namespace:
            return own
        with self._context.reading_own_rows() as store:
            return blueprint_imports.find_imported(store.unscoped, own).get(namespace, own)  # of the deployment

    def workflow_plugin(self, name: str) -> PluginPlan:
        blueprint_storage_id = self.deployment.blueprint_storage_id
        with self._context.reading_own_rows() as store:
            # the deployment's own blueprint
            plan = store.unscoped.scalar(select(Blueprint.plan).where(Blueprint.storage_id == blueprint_storage_id))
        plugins = plan["workflow_plugins_to_install"] if plan else ()
        return next((plugin for plugin in plugins if plugin["name"] == name), cast(PluginPlan, {"name": name}))

    def run_extension(self, ctx: OperationContext, name: str) -> Json:
        return extensions.run(self._context, ctx, name)

    def fetch(self, url: str, file: IO[bytes]) -> None:
        try:
            fetching.fetch(url, file, self._context.app.settings)
        except fetching.FetchInterrupted as error:
            raise OperationFailed(Failure("RecoverableError", f"The script {error.message}.")) from error

    def has_agents(self) -> bool:
        return bool(self._context.app.settings.broker)

    def find_agent(self, host_id: str) -> AgentRoute | None:
        found = HostAgent(self._context, self, host_id).find()
        return None if found is None else AgentRoute(found.name, host_id, found.queue, found.is_gone, found.last_seen)

    def assign_agent(self, operation_id: str, name: str) -> None:
        statement = update(Operation).where(Operation.id == operation_id).values(agent_name=name)
        with self._context.writing_own_rows() as store:
            store.unscoped.connection().execute(statement)  # an operation of the execution

    def run_agent_operation(self, ctx: OperationContext) -> Json:
        return agent_operations.run(self._context, ctx)

    def agent_script(self, host_id: str, agent_config: JsonObject | None) -> str | None:
        return agent_operations.script_of(self._context, self, host_id, agent_config)

    def uninstall_contained(self, *, ignore_failure: bool) -> None:
        cascade.uninstall(
            self._context,
            should_continue=lambda: self.cancel_request() is CancelRequest.NONE,
            ignore_failure=ignore_failure,
        )

    def run_update_task(self, name: str) -> None:
        retry_until_available(self._context.stopping, lambda: updates.run_task(self._context, name))

    def update_plan(self) -> UpdatePlan:
        return updates.read_plan(self._context)

    def set_update_state(self, state: UpdateState) -> None:
        retry_until_available(self._context.stopping, lambda: updates.set_state(self._context, state))

    def add_unfinished(self, instance_ids: Sequence[str]) -> None:
        retry_until_available(self._context.stopping, lambda: updates.add_unfinished(self._context, instance_ids))

    def run_update_workflow(self, workflow_id: str, parameters: JsonObject) -> None:
        update_workflows.run(
            self._context,
            workflow_id,
            parameters,
            should_continue=lambda: self.cancel_request() is CancelRequest.NONE,
        )

    def rest_token(self) -> str:
        """Return a token of the user whom the execution acts for, valid until it ends, and for half a day at least."""
        with self._token_lock:
            if time.monotonic() >= self._renew_token_at:
                self._token = retry_until_available(self._context.stopping, self._create_token)
                self._renew_token_at = time.monotonic() + TOKEN_RENEWAL_INTERVAL
            return self._token

    def _create_token(self) -> str:
        execution_id = self._context.execution.id
        with self._context.writing("deployment_get") as store:
            return tokens.create(store, f"execution {execution_id}", "+1d", execution_id=execution_id)[1]

    def revoke_tokens(self) -> None:
        """Delete the tokens of the execution, which has ended."""
        may_be_created_elsewhere = self._context.start_mode is not StartMode.NEW or self._context.app.settings.broker
        if self._token or may_be_created_elsewhere:
            with self._context.writing_own_rows() as store:
                tokens.delete_of_execution(store, self._context.execution.id)
