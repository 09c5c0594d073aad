"""What plugins ask of any ctx that is about agents, brokers and machines apart.

Here operations run on the manager's own machine, so that most of it is empty and nothing need be carried about.
"""

from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any

Json = Any


class Agent:
    def init_script(self, agent_config: dict[str, Json] | None = None) -> str | None:
        """What a host is to run so that it has an agent: nothing."""
        return None


class Elsewhere:
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
    def provider_context(self) -> dict[str, Json]:
        return {}

    @property
    def bootstrap_context(self) -> Any:
        agent = SimpleNamespace(user=None, agent_key_path=None, remote_execution_port=None)
        return SimpleNamespace(cloudify_agent=agent, resources_prefix="")

    def get_config(self, name: str | None = None, scope: str | None = None) -> list[Json]:
        return []

    def get_brokers(self, network: str = "default") -> list[Json]:
        return []

    def download_deployment_workdir(self) -> None:
        """The folder of the deployment is here already."""

    def upload_deployment_workdir(self) -> None:
        """It is where it belongs already."""

    def sync_deployment_workdir(self) -> AbstractContextManager[None]:
        return nullcontext()
