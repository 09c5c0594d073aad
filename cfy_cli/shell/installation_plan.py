"""The plan of the installation of a blueprint on this machine."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cfy_cli.dsl import BlueprintInvalid, compile_blueprint, find_secrets, prepare_deployment
from cfy_cli.dsl.installation import PlannedInstance, plan_installation
from cfy_cli.errors import Usage
from cfy_cli.output.diagrams.diagram import Arrow, Box, Diagram
from cfy_cli.output.installation import count_words, describe_installation
from cfy_cli.shell.archive_files import unpack_files
from cfy_cli.shell.blueprint_archive import write_text
from cfy_cli.shell.blueprint_graph import render_diagram
from cfy_cli.shell.blueprint_upload import validate_offline
from cfy_cli.shell.import_sources import ImportSources
from cfy_cli.shell.source_check import check_plan_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cfy_cli.contract.json import JsonObject
    from cfy_cli.contract.plan import PreparedPlan
    from cfy_cli.shell.app import App
    from cfy_cli.shell.blueprint_source import BlueprintSource


@dataclass(frozen=True, slots=True)
class InstallationPlan:
    deployment_id: str
    plan: PreparedPlan
    instances: list[PlannedInstance]

    @property
    def operation_count(self) -> int:
        return sum(len(instance.operations) for instance in self.instances)

    @property
    def data(self) -> JsonObject:
        """The plan for programs, with the names of the secrets that it reads, not their values."""
        return {
            "id": self.deployment_id,
            "exists": False,
            "inputs": self.plan["inputs"],
            "secrets": [*sorted(find_secrets(self.plan))],
            "plugins": [*self._plugins],
            "operation_count": self.operation_count,
            "node_instances": [
                {
                    **asdict(instance),
                    "operations": [
                        {**asdict(operation), "implementation": operation.implementation}
                        for operation in instance.operations
                    ],
                }
                for instance in self.instances
            ],
        }

    @property
    def lines(self) -> list[str]:
        lines = [f"The installation of deployment `{self.deployment_id}` would create:"]
        lines += describe_installation(self.instances)
        created = count_words(len(self.instances), "node instance")
        lines.append(f"It would create {created} and run {count_words(self.operation_count, 'operation')}.")
        if self._plugins:
            lines.append(f"Plugins that it needs: {', '.join(self._plugins)}")
        if secrets := sorted(find_secrets(self.plan)):
            lines.append(f"Secrets that it reads: {', '.join(secrets)}")
        return lines

    @property
    def diagram(self) -> Diagram:
        diagram = Diagram(self.deployment_id)
        for instance in self.instances:
            diagram.boxes[instance.name] = Box(instance.name, instance.name, instance.type, instance.container)
            diagram.arrows += [Arrow(instance.name, target) for target in instance.related]
        return diagram

    @property
    def _plugins(self) -> list[str]:
        plugins = [plugin for node in self.plan["nodes"] for plugin in node["plugins"]]
        return sorted({str(plugin["package_name"]) for plugin in plugins if plugin["package_name"]})


def plan_blueprint(
    app: App,
    source: BlueprintSource,
    deployment_id: str | None,
    inputs: Sequence[str],
    plugin_yamls: Sequence[str] = (),
) -> InstallationPlan:
    """Compile the blueprint on this machine and return the plan of its installation.

    Raises Invalid with all problems of the blueprint, and InputsInvalid with those of the inputs.
    """
    with tempfile.TemporaryDirectory(prefix="cfy-") as temporary:
        main_file = source.main_file or _unpack(source, Path(temporary))
        try:
            plan = compile_blueprint(main_file, resolver=ImportSources(app, plugin_yamls))
        except BlueprintInvalid:
            validate_offline(app, main_file, plugin_yamls)
            raise
    prepared = prepare_deployment(plan, check_plan_inputs(plan, inputs))
    return InstallationPlan(deployment_id or source.default_id, prepared, plan_installation(prepared))


def show_plan(app: App, planned: InstallationPlan, graph_path: str | None = None) -> None:
    """Print the plan; with a path, write its picture to the file, or to stdout for `-`."""
    if graph_path == "-":
        app.say(render_diagram(planned.diagram, None, None))
        return
    if graph_path:
        write_text(graph_path, render_diagram(planned.diagram, None, graph_path))
    if app.as_data:
        app.answer(planned.data)
    else:
        app.say("\n".join(planned.lines))
    if graph_path:
        app.note(f"The picture is in {graph_path}")


def _unpack(source: BlueprintSource, folder: Path) -> Path:
    if not isinstance(source.archive, Path):
        raise Usage(f"{source.archive} is not on this machine", hint="Download it and give its path.")
    unpack_files(source.archive, folder)
    return folder / source.file_name
