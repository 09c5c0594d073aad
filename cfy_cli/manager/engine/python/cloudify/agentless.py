"""Attributes of ctx about agents, brokers and files on other machines.

Operations run on the machine of the manager, so most of them are empty and no file needs to be transferred.
"""

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace

from .messages import Json, JsonObject
from .rpc import Connection


class CloudifyAgentContext:
    """ctx.agent."""

    script_path: str | None = None

    def __init__(self, connection: "Connection | None" = None) -> None:
        self._connection = connection

    def init_script(self, agent_config: JsonObject | None = None) -> str | None:
        """Return the script that installs and starts the agent of the host; None when it needs none."""
        if self._connection is None:
            return None
        script: str | None = self._connection.call("agent_script", agent_config=agent_config)
        return script

    def clean_script(self) -> None:
        """Do nothing: there is no script."""

    def install_script_download_link(self, agent_config: JsonObject | None = None, clean: bool = True) -> str | None:
        return None


class BootstrapContext:
    """ctx.bootstrap_context: settings of a public manager, of which this one has none."""

    resources_prefix = ""

    def __init__(self, bootstrap_context: JsonObject | None = None) -> None:
        self._values = bootstrap_context or {}
        self.resources_prefix = str(self._values.get("resources_prefix") or "")

    @property
    def cloudify_agent(self) -> SimpleNamespace:
        return SimpleNamespace(user=None, agent_key_path=None, remote_execution_port=None, min_workers=None)

    @property
    def policy_engine(self) -> SimpleNamespace:
        return SimpleNamespace(start_timeout=None)


class DeploymentWorkdirMixin:
    """The folder of the deployment, which is on this machine and needs no transfer."""

    @abstractmethod
    def local_deployment_workdir(self) -> str:
        """Return the path of the folder."""

    def download_deployment_workdir(self) -> None:
        """Do nothing: the folder is on this machine."""

    def upload_deployment_workdir(self) -> None:
        """Do nothing: the folder is on this machine."""

    def sync_deployment_workdir(self) -> AbstractContextManager[None]:
        return nullcontext()

    def upload_deployment_file(self, target_file_path: str, src_file: str, src_file_mtime: str | None = None) -> None:
        """Copy a file into the folder."""
        import shutil  # slow to import, and rarely needed

        target = Path(self.local_deployment_workdir(), target_file_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.resolve() != Path(src_file).resolve():
            shutil.copyfile(src_file, target)

    def delete_deployment_file(self, file_path: str) -> None:
        Path(self.local_deployment_workdir(), file_path).unlink(missing_ok=True)


def deployment_workdirs_sync_required() -> bool:
    return False


class AgentlessContext(DeploymentWorkdirMixin):
    execution_token: str | None = None
    rest_ssl_cert: str | None = None
    task_target: str | None = None
    task_queue: str | None = None
    task_type = "operation"
    bypass_maintenance = False
    resume = False
    # Set by public code that runs scripts on behalf of an operation.
    _return_value: object = None
    is_script_exception_defined = True

    @property
    def agent(self) -> CloudifyAgentContext:
        return CloudifyAgentContext()

    @property
    def execution_env(self) -> dict[str, str]:
        return {}

    @property
    def provider_context(self) -> JsonObject:
        return {}

    @property
    def bootstrap_context(self) -> BootstrapContext:
        return BootstrapContext()

    def get_config(self, name: str | None = None, scope: str | None = None) -> list[Json]:
        return []

    def get_brokers(self, network: str = "default") -> list[Json]:
        return []
