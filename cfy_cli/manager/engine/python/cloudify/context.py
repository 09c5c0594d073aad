"""`ctx`: the operation, its node, its instance, and what may be told to the manager."""

import os
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from .constants import DEPLOYMENT as DEPLOYMENT
from .constants import NODE_INSTANCE as NODE_INSTANCE
from .constants import RELATIONSHIP_INSTANCE as RELATIONSHIP_INSTANCE
from .elsewhere import Elsewhere
from .exceptions import HttpException, NonRecoverableError
from .instance import Instance, Node, Subject
from .wire import Connection, whole

if TYPE_CHECKING:
    from logging import Logger

Json = Any


class Operation:
    """ctx.operation."""

    def __init__(self, connection: Connection, static: dict[str, Json]) -> None:
        self._connection = connection
        self.name: str = static["operation"]
        self.retry_number: int = static["retry_number"]
        self.max_retries: int = static["max_retries"]
        ends = {static["source_id"]: "source", static["target_id"]: "target"}
        self.relationship = ends.get(static["instance_id"])
        self._again = False

    def retry(self, message: str | None = None, retry_after: float | None = None) -> None:
        """Run the operation again when it has ended well."""
        self._again = True
        self._connection.ask("again", message=message or "", retry_after=retry_after)


class Plugin(str):
    """ctx.plugin: its name, which is also text."""

    def __new__(cls, about: dict[str, Json]) -> "Plugin":
        made = super().__new__(cls, about["name"])
        made._about = about
        return made

    _about: dict[str, Json]
    source: str | None = None

    @property
    def name(self) -> str:
        return str(self)

    @property
    def package_name(self) -> str | None:
        return self._text("package_name")

    @property
    def package_version(self) -> str | None:
        return self._text("package_version")

    @property
    def properties(self) -> dict[str, Json]:
        """Each with its `value`, `type` and `description`."""
        return dict(self._about["properties"])

    @property
    def prefix(self) -> str | None:
        """The folder of the virtual environment that it runs in."""
        return self._text("prefix")

    @property
    def workdir(self) -> str:
        """A folder of its own, which lasts as long as the deployment."""
        os.makedirs(self._about["workdir"], exist_ok=True)
        return str(self._about["workdir"])

    def _text(self, name: str) -> str | None:
        text: str | None = self._about[name]
        return text


class Context(Elsewhere):
    """Asks the manager when it is first used, so that importing it costs nothing."""

    def __init__(self) -> None:
        self._connection = Connection()
        self._subjects: dict[str, Subject] = {}

    @cached_property
    def _static(self) -> dict[str, Json]:
        static: dict[str, Json] = self._connection.ask("context")
        return static

    @cached_property
    def _context(self) -> dict[str, Json]:
        """The facts by the names that plugins look for; some put another blueprint there, to have its files."""
        static = self._static
        names = ("blueprint_id", "deployment_id", "execution_id", "workflow_id", "task_id", "task_name", "type")
        own = {"node_id": static["instance_id"], "tenant": self.tenant}
        return own | {name: static[name] for name in names}

    def __getattr__(self, name: str) -> Any:
        if name in _STATIC:
            return self._static[name]
        raise AttributeError(f"ctx has no {name}")

    @property
    def node(self) -> Node:
        return self._own().node

    @property
    def instance(self) -> Instance:
        return self._own().instance

    @property
    def source(self) -> Subject:
        return self._end("source")

    @property
    def target(self) -> Subject:
        return self._end("target")

    @cached_property
    def operation(self) -> Operation:
        return Operation(self._connection, self._static)

    @cached_property
    def plugin(self) -> Plugin:
        return Plugin(self._static["plugin"])

    @cached_property
    def blueprint(self) -> Any:
        return SimpleNamespace(id=self._static["blueprint_id"])

    @cached_property
    def deployment(self) -> Any:
        static = self._static
        return SimpleNamespace(
            id=static["deployment_id"],
            display_name=static["deployment_display_name"],
            creator=static["deployment_creator"],
            tenant_name=static["tenant_name"],
            resource_tags=static["resource_tags"],
            runtime_only_evaluation=None,
        )

    @property
    def rest_host(self) -> list[str]:
        return [os.environ.get("REST_HOST", "127.0.0.1")]

    @property
    def rest_port(self) -> int:
        return int(os.environ.get("REST_PORT", "80"))

    @property
    def tenant(self) -> dict[str, Json]:
        return {"name": self._static["tenant_name"]}

    @cached_property
    def capabilities(self) -> "Capabilities":
        return Capabilities(self.source if self._static["source_id"] else self._own())

    @cached_property
    def logger(self) -> "Logger":
        from .logs import logger

        return logger(self._connection, self._static["task_id"])

    def get_managers(self, network: str = "default") -> list[dict[str, Json]]:
        return [one for one in self._static["managers"] if network in one["networks"]]

    def get_execution(self, execution_id: str | None = None) -> Any:
        from .manager import get_rest_client

        return get_rest_client().executions.get(execution_id or self._static["execution_id"])

    def send_event(self, event: str) -> None:
        self._connection.ask("event", message=event)

    def get_resource(self, resource_path: str) -> bytes:
        """The content of a file of the blueprint. Raises HttpException when there is none."""
        return self._resource(resource_path).read_bytes()

    def download_resource(self, resource_path: str, target_path: str | None = None) -> str:
        """Copy a file of the blueprint and give where it is. Raises HttpException when there is none."""
        self._resource(resource_path)
        copy: str = self._connection.ask("download", path=resource_path, target=whole(target_path))
        return copy

    def download_directory(self, directory_path: str, target_path: str | None = None) -> str:
        """Copy a folder of the blueprint with all that is in it. Raises HttpException when there is none."""
        found = self._connection.ask("resource", path=os.fspath(directory_path))
        others = self._context["blueprint_id"] != self._static["blueprint_id"]
        if others or found is None or not Path(found).is_dir():
            raise HttpException(directory_path, 404, f"The blueprint has no folder {directory_path}.")
        copy: str = self._connection.ask("download_folder", path=directory_path, target=whole(target_path))
        return copy

    def get_resource_and_render(self, resource_path: str, template_variables: dict[str, Json] | None = None) -> bytes:
        """A file of the blueprint, its Jinja2 expressions evaluated; ctx is among the variables."""
        self._resource(resource_path)
        self._store()
        text: str = self._connection.ask("render", path=resource_path, variables=template_variables)
        return text.encode()

    def download_resource_and_render(
        self, resource_path: str, target_path: str | None = None, template_variables: dict[str, Json] | None = None
    ) -> str:
        """As download_resource, the file's Jinja2 expressions evaluated; ctx is among the variables."""
        self._resource(resource_path)
        self._store()
        copy: str = self._connection.ask(
            "download_rendered", path=resource_path, target=whole(target_path), variables=template_variables
        )
        return copy

    @cached_property
    def rest_token(self) -> str | None:
        """What shows the manager on whose behalf the operation runs."""
        token: str | None = self._connection.ask("rest_token")
        return token

    def returns(self, value: Json) -> None:
        """What the operation returns."""
        self._connection.ask("returns", value=value)

    def abort_operation(self, message: str | None = None) -> None:
        """Fail, and do not try again."""
        self._connection.ask("abort", message=message or "")

    def retry_operation(self, message: str | None = None, retry_after: float | None = None) -> None:
        """Run the operation again, however it ends."""
        self._connection.ask("retry", message=message or "", retry_after=retry_after)

    def local_deployment_workdir(self) -> str:
        return str(self._static["workdir"])

    def _store(self) -> None:
        """Store the runtime properties that were changed."""
        for subject in self._subjects.values():
            subject.instance.update()

    def _own(self) -> Subject:
        if self._static["source_id"]:
            raise NonRecoverableError("This operation is one of a relationship: use ctx.source and ctx.target.")
        return self._subject(self._static["instance_id"])

    def _end(self, name: str) -> Subject:
        instance_id = self._static[f"{name}_id"]
        if instance_id is None:
            raise NonRecoverableError(f"Only an operation of a relationship has ctx.{name}.")
        return self._subject(instance_id)

    def _subject(self, instance_id: str) -> Subject:
        if instance_id not in self._subjects:
            self._subjects[instance_id] = Subject(self._connection, instance_id, writable=True)
        return self._subjects[instance_id]

    def _resource(self, path: str) -> Path:
        found = self._connection.ask("resource", path=os.fspath(path))
        if found is None or not Path(found).is_file():
            raise HttpException(path, 404, f"The blueprint has no file {path}.")
        return Path(found)


_STATIC = frozenset(
    {
        "type",
        "execution_id",
        "execution_creator_username",
        "workflow_id",
        "workflow_parameters",
        "tenant_name",
        "task_id",
        "task_name",
        "timeout",
        "timeout_recoverable",
    }
)


class Capabilities:
    """The runtime properties of everything that the instance is related to."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def get_all(self) -> dict[str, dict[str, Json]]:
        related = (relationship.target.instance for relationship in self._subject.instance.relationships)
        return {instance.id: dict(instance.runtime_properties) for instance in related}

    def __getitem__(self, name: str) -> Json:
        found = [properties[name] for properties in self.get_all().values() if name in properties]
        if len(found) != 1:
            raise NonRecoverableError(f"{len(found)} related instances have the runtime property {name}, not one.")
        return found[0]

    def __contains__(self, name: str) -> bool:
        return any(name in properties for properties in self.get_all().values())
