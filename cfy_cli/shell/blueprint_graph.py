"""Diagrams of the nodes of a blueprint or of the node instances of a deployment."""

from pathlib import Path

from cfy_cli.dsl import compile_blueprint
from cfy_cli.errors import Usage
from cfy_cli.output.diagrams.diagram import Diagram, diagram_of_instances, diagram_of_plan
from cfy_cli.shell.app import App

FORMATS = ("mermaid", "dot", "svg")
_FORMAT_OF_SUFFIX = {".svg": "svg", ".dot": "dot", ".gv": "dot"}
_UNSUPPORTED = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf"})  # of pictures that are not text


def build_diagram(app: App, path: str | None, blueprint_id: str | None, deployment_id: str | None) -> Diagram:
    """Build the diagram of the one source that is given. Raises Usage for none or several."""
    if sum(source is not None for source in (path, blueprint_id, deployment_id)) != 1:
        raise Usage("Give one source for the graph", hint="BLUEPRINT_PATH, -b BLUEPRINT_ID or -d DEPLOYMENT_ID.")
    if deployment_id is not None:
        app.client.deployments.get(deployment_id)
        nodes = app.client.nodes.list(deployment_id=deployment_id)
        instances = app.client.node_instances.list(deployment_id=deployment_id)
        return diagram_of_instances(deployment_id, nodes, instances)
    if blueprint_id is not None:
        return diagram_of_plan(blueprint_id, app.client.blueprints.plan(blueprint_id).get("nodes") or ())
    blueprint = Path(str(path))
    plan = compile_blueprint(blueprint)
    title = str(plan.get("description") or blueprint.resolve().parent.name).strip().split("\n")[0]
    return diagram_of_plan(title, plan["nodes"])


def render_diagram(diagram: Diagram, format_name: str | None, output_path: str | None) -> str:
    """Render the diagram in the given format, by default that of the file's suffix, or else Mermaid. Raises Usage."""
    suffix = Path(output_path or "").suffix.lower()
    if not format_name and suffix in _UNSUPPORTED:
        raise Usage(
            f"A picture cannot be written as {suffix}", hint="Name a file with .svg, .dot, or .mmd for Mermaid."
        )
    name = format_name or _FORMAT_OF_SUFFIX.get(suffix, FORMATS[0])
    if name == "svg":
        from cfy_cli.output.diagrams.svg import render_svg

        return render_svg(diagram)
    if name == "dot":
        from cfy_cli.output.diagrams.dot import render_dot

        return render_dot(diagram)
    from cfy_cli.output.diagrams.mermaid import render_mermaid

    return render_mermaid(diagram)
