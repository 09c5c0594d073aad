"""Attributes of ctx about agents, brokers and files on other machines.

Operations run on the machine of the manager, so most of them are empty and no file needs to be transferred.
"""

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace

from .messages import Json, JsonObject


class Agent:
    def init_script(self, agent_config: JsonObject | None = None) -> str | None:
        """Return None: a host needs no script that installs an agent."""
        return None


class AgentlessContext:
    execution_token: str | None = None
    rest_ssl_cert: str | None = None
    task_target: str | None = None
    task_queue: str | None = None
    bypass_maintenance = False
    resume = False

    @property
    def agent(self) -> Agent:
        return Agent()

    @property
    def execution_env(self) -> dict[str, str]:
        return {}

    @property
    def provider_context(self) -> JsonObject:
        return {}

    @property
    def bootstrap_context(self) -> SimpleNamespace:
        agent = SimpleNamespace(user=None, agent_key_path=None, remote_execution_port=None)
        return SimpleNamespace(cloudify_agent=agent, resources_prefix="")

    def get_config(self, name: str | None = None, scope: str | None = None) -> list[Json]:
        return []

    def get_brokers(self, network: str = "default") -> list[Json]:
        return []

    def download_deployment_workdir(self) -> None:
        """Do nothing: the folder of the deployment is on this machine."""

    def upload_deployment_workdir(self) -> None:
        """Do nothing: the folder of the deployment is on this machine."""

    def sync_deployment_workdir(self) -> AbstractContextManager[None]:
        return nullcontext()
