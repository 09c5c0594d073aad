"""A picture of a blueprint's nodes or of a deployment's node instances."""

from pathlib import Path

from cfy_cli.dsl import compile_blueprint
from cfy_cli.errors import Usage
from cfy_cli.output.diagrams.diagram import Diagram, of_instances, of_plan
from cfy_cli.shell.app import App

FORMATS = ("mermaid", "dot", "svg")
_OF_SUFFIXES = {".svg": "svg", ".dot": "dot", ".gv": "dot"}


def diagram_of(app: App, path: str | None, blueprint_id: str | None, deployment_id: str | None) -> Diagram:
    """Raises Usage unless one of the three is given."""
    if sum(each is not None for each in (path, blueprint_id, deployment_id)) != 1:
        raise Usage(
            "There must be one thing to draw",
            hint="Give a blueprint's file, -b BLUEPRINT_ID, or -d DEPLOYMENT_ID.",
        )
    if deployment_id is not None:
        app.client.deployments.get(deployment_id)
        nodes = app.client.nodes.list(deployment_id=deployment_id)
        return of_instances(deployment_id, nodes, app.client.node_instances.list(deployment_id=deployment_id))
    if blueprint_id is not None:
        plan = app.client.blueprints.get(blueprint_id).get("plan") or {}
        return of_plan(blueprint_id, plan if "nodes" in plan else {"nodes": []})
    blueprint = Path(str(path))
    plan = compile_blueprint(blueprint)
    return of_plan(str(plan.get("description") or blueprint.resolve().parent.name).strip().split("\n")[0], plan)


def drawn(diagram: Diagram, wanted: str | None, output_path: str | None) -> str:
    """The text of the picture: in the format wanted, or the one of the file's name, or Mermaid."""
    name = wanted or _OF_SUFFIXES.get(Path(output_path or "").suffix.lower(), FORMATS[0])
    if name == "svg":
        from cfy_cli.output.diagrams.svg import svg

        return svg(diagram)
    if name == "dot":
        from cfy_cli.output.diagrams.dot import dot

        return dot(diagram)
    from cfy_cli.output.diagrams.mermaid import mermaid

    return mermaid(diagram)
