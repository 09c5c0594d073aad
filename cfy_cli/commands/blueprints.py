"""`cfy blueprints`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from cfy_cli.config.config_file import FORMATS
from cfy_cli.contract.resources import BLUEPRINTS, BLUEPRINTS_FILTERS
from cfy_cli.errors import CfyError, Conflict, ErrorCode, Usage
from cfy_cli.shell import filters, labels, options, param_types, summaries, verbs
from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.if_exists import SKIP, add_hint, if_exists_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.filters import Rule
    from cfy_cli.contract.labels import Label
    from cfy_cli.shell.option_types import ListOptions

INPUT_COLUMNS = ("name", "type", "default", "description")


class UploadOptions(TypedDict):
    """Values of the options of `cfy blueprints upload` that describe the upload."""

    icon_path: str | None
    async_upload: bool
    validate: bool
    labels: list[Label] | None
    private_resource: bool
    visibility: str


cli = verbs.group_of(BLUEPRINTS, "Manage blueprints.", "set-visibility", "set-global", "set-owner")


labels.add_label_commands(cli, BLUEPRINTS, lambda client: client.blueprints)
filters.add_filter_commands(cli, BLUEPRINTS_FILTERS)
summaries.add_summary_command(cli, BLUEPRINTS, "tenant_name", "visibility")


@cli.command("lint")
@click.argument("blueprint_path", nargs=-1, required=True, type=click.Path())
@click.option("--format", "lint_format", type=click.Choice((*FORMATS, "github")),
              help="Print problems as text or data, or as annotations of GitHub Actions.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
@options.plugin_yaml()
@pass_app
def lint_blueprints(
    app: App, blueprint_path: tuple[str, ...], lint_format: str | None, strict: bool, plugin_yaml: tuple[str, ...]
) -> None:
    """Check the blueprints in BLUEPRINT_PATH on this machine and print all problems.

    If BLUEPRINT_PATH is a folder, all blueprints in it are checked. Each problem is one line,
    file:line:column: message [rule]; on a terminal the source line follows. A warning is a problem that does not keep
    the blueprint from being used: the command succeeds. The types of imported plugins are read from --plugin-yaml, or
    from the manager in use. Without either, a note says that they were not checked.
    """
    from cfy_cli.shell.linting import count_findings, find_blueprints, lint_blueprint, show_findings

    blueprints = find_blueprints(blueprint_path)
    findings = {blueprint: lint_blueprint(app, blueprint, plugin_yaml) for blueprint in blueprints}
    show_findings(app, [finding for blueprint in blueprints for finding in findings[blueprint]], lint_format)
    failures = [
        f"{blueprint} has {count_findings(found)}"
        for blueprint, found in findings.items()
        if any(finding.is_error or (strict and not finding.is_note) for finding in found)
    ]
    if failures:
        raise CfyError("\n".join(failures), code=ErrorCode.INVALID_BLUEPRINT)
    if not app.as_data and lint_format != "github":
        for blueprint in blueprints:
            app.say(f"{blueprint}: {count_findings(findings[blueprint])}")


@cli.command("validate")
@click.argument("blueprint_path")
@click.option("--on-manager", is_flag=True, help="Validate it on the manager, with the plugins installed there.")
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The name of the blueprint's main file in an archive.")  # fmt: skip
@options.plugin_yaml()
@pass_app
def validate_blueprint(
    app: App, blueprint_path: str, on_manager: bool, blueprint_filename: str, plugin_yaml: tuple[str, ...]
) -> None:
    """Validate the blueprint in BLUEPRINT_PATH; archives and URLs are validated by the manager."""
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import validate_offline, validate_on_manager

    with open_source(blueprint_path, blueprint_filename) as source:
        if source.main_file and not on_manager:
            validate_offline(app, source.main_file, plugin_yaml)
        elif plugin_yaml:
            raise Usage("--plugin-yaml is for a main file on this machine; the manager uses its own plugins")
        else:
            validate_on_manager(app, source.default_id, source, "tenant")
    app.result("Blueprint validated successfully", {"blueprint_path": blueprint_path, "valid": True})


@cli.command("upload")
@click.argument("blueprint_path")
@click.option(
    "-b",
    "--blueprint-id",
    type=param_types.name_of(BLUEPRINTS),
    metavar="TEXT",
    help="The blueprint's id; by default the name of its folder.",
)
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The name of the blueprint's main file in an archive.")  # fmt: skip
@click.option("-i", "--icon-path", type=click.Path(exists=True, dir_okay=False), help="A PNG image to use as its icon.")
@click.option("-a", "--async-upload", is_flag=True, help="Do not wait until the manager has processed it.")
@click.option("--validate", is_flag=True, help="Validate it before the upload.")
@options.labels(of="the blueprint instead of those in its file")
@options.private_resource()
@options.visibility()
@if_exists_option(update=False)
@pass_app
def upload_blueprint(
    app: App,
    blueprint_path: str,
    blueprint_id: str | None,
    blueprint_filename: str,
    if_exists: str,
    **upload_options: Unpack[UploadOptions],
) -> None:
    """Upload the blueprint in BLUEPRINT_PATH to the manager.

    BLUEPRINT_PATH is the blueprint's main file (its whole folder is uploaded), an archive (zip, tar, tar.gz, tar.bz2),
    the URL of an archive, or organization/repository[:tag or branch] on GitHub.
    """
    from cfy_cli.shell.blueprint_source import open_source
    from cfy_cli.shell.blueprint_upload import upload_blueprint as upload

    with open_source(blueprint_path, blueprint_filename) as source:
        blueprint_id = blueprint_id or source.default_id
        existing = app.client.blueprints.find_uploaded(blueprint_id) if if_exists == SKIP else None
        if existing:
            app.result(f"Blueprint `{blueprint_id}` already exists", existing, BLUEPRINTS)
            return
        try:
            blueprint = upload(app, blueprint_id, source, **upload_options)
        except Conflict as error:
            add_hint(error, BLUEPRINTS, blueprint_id)
            raise
    app.result(f"Blueprint uploaded. The blueprint's id is {blueprint_id}", blueprint)


@cli.command("graph")
@click.argument("blueprint_path", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("-b", "--blueprint-id", help="Draw this uploaded blueprint.")
@click.option(
    "-d", "--deployment", "deployment_id", help="Draw the node instances of this deployment, with their states."
)
@click.option("--format", "graph_format", type=click.Choice(("mermaid", "dot", "svg")),
              help="The format; by default that of the output file's name, or mermaid.")  # fmt: skip
@click.option("-o", "--output-path", type=click.Path(dir_okay=False), help="Write to this file; by default stdout.")
@pass_app
def draw_graph(
    app: App, blueprint_path: str | None, blueprint_id: str | None, deployment_id: str | None,
    graph_format: str | None, output_path: str | None,
) -> None:  # fmt: skip
    """Draw the nodes of the blueprint in BLUEPRINT_PATH and their relationships."""
    from cfy_cli.shell.blueprint_graph import build_diagram, render_diagram

    diagram = build_diagram(app, blueprint_path, blueprint_id, deployment_id)
    text = render_diagram(diagram, graph_format, output_path)
    if output_path:
        from cfy_cli.shell.blueprint_archive import write_text

        write_text(output_path, text)
        app.result(f"The graph was written to {output_path}", {"path": output_path, "nodes": len(diagram.boxes)})
    else:
        app.result(text.rstrip("\n"), {"graph": text, "nodes": len(diagram.boxes)})


@cli.command("schema")
@click.option("--blueprint-path", metavar="PATH", help="Propose the types that this blueprint and its imports define.")
@click.option("-o", "--output-path", type=click.Path(dir_okay=False), help="Write to this file; by default stdout.")
@options.plugin_yaml()
@pass_app
def show_schema(app: App, blueprint_path: str | None, output_path: str | None, plugin_yaml: tuple[str, ...]) -> None:
    """Print a JSON schema of blueprints, with which editors check and complete them.

    In Visual Studio Code: "yaml.schemas": {"blueprint.schema.json": "**/blueprint.yaml"}. In any editor with the YAML
    language server, begin a blueprint with: # yaml-language-server: $schema=blueprint.schema.json
    """
    import json

    from cfy_cli.dsl.json_schema import blueprint_schema
    from cfy_cli.shell.definitions import load_definitions

    schema = blueprint_schema(load_definitions(app, blueprint_path, None, plugin_yaml))
    if output_path:
        from cfy_cli.shell.blueprint_archive import write_text

        write_text(output_path, json.dumps(schema, indent=1))
        app.result(f"The schema was written to {output_path}", {"path": output_path})
    else:
        app.result(json.dumps(schema, indent=1), schema)


@cli.command("package")
@click.argument("blueprint_path", type=click.Path(exists=True))
@click.option("-o", "--output-path", help="The archive to write: .tar.gz or .zip.")
@click.option("--validate", is_flag=True, help="Validate the blueprint first.")
@click.option("-n", "--blueprint-filename", default="blueprint.yaml", show_default=True,
              help="The name of the blueprint's main file, if BLUEPRINT_PATH is a folder.")  # fmt: skip
@pass_app
def package_blueprint(
    app: App, blueprint_path: str, output_path: str | None, validate: bool, blueprint_filename: str
) -> None:
    """Create an archive of the blueprint in BLUEPRINT_PATH, its main file or its folder."""
    from cfy_cli.shell.blueprint_archive import create_archive
    from cfy_cli.shell.blueprint_upload import validate_offline

    if validate:
        path = Path(blueprint_path)
        validate_offline(app, path / blueprint_filename if path.is_dir() else path)
    target = create_archive(blueprint_path, output_path)
    app.result(f"Blueprint packaged as {target}", {"path": str(target)})


@cli.command("create-requirements")
@click.argument("blueprint_path", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output-path", help="The file to write; it must not exist yet.")
@pass_app
def create_requirements(app: App, blueprint_path: str, output_path: str | None) -> None:
    """List the pip requirements of the plugins of the blueprint in BLUEPRINT_PATH."""
    from cfy_cli.dsl import compile_blueprint
    from cfy_cli.shell.blueprint_archive import plugin_requirements, write_new_text

    path = Path(blueprint_path)
    lines = plugin_requirements(path, compile_blueprint(path))
    if output_path:
        write_new_text(output_path, "".join(f"{line}\n" for line in lines))
        app.result(f"Requirements file created successfully: {output_path}", lines)
    else:
        app.answer(lines)


@cli.command("list")
@options.filtering()
@options.listing(BLUEPRINTS)
@pass_app
def list_blueprints(
    app: App,
    label_rules: tuple[Rule, ...],
    attribute_rules: tuple[Rule, ...],
    _filter_id: str | None,
    **query: Unpack[ListOptions],
) -> None:
    """List blueprints."""
    rules = options.rules(label_rules, attribute_rules)
    app.show_list(app.client.blueprints, filter_rules=rules, _filter_id=_filter_id, **query)


@cli.command("get")
@click.argument("blueprint_id")
@pass_app
def get_blueprint(app: App, blueprint_id: str) -> None:
    """Show the blueprint BLUEPRINT_ID."""
    blueprint = app.client.blueprints.get(blueprint_id)
    deployments = [item["id"] for item in app.client.deployments.list(blueprint_id=blueprint_id, _include="id")]
    plan = blueprint.get("plan") or {}
    metadata = plan.get("metadata") or {}
    more = {"metadata": metadata, "deployments": deployments, "#deployments": len(deployments)}
    app.show(BLUEPRINTS, blueprint | more)
    if app.as_data:
        return
    app.show_details(metadata, "Metadata:")
    app.show_details(_plugin_purposes(plan), "Plugins:")
    app.say(f"Deployments: {', '.join(deployments) or 'none'}")


@cli.command("download")
@click.argument("blueprint_id")
@click.option("-o", "--output-path", help="The file or folder to save to.")
@pass_app
def download_blueprint(app: App, blueprint_id: str, output_path: str | None) -> None:
    """Download the archive of the blueprint BLUEPRINT_ID."""
    from cfy_cli.shell.download import download

    target = download(app, app.client.blueprints.archive(blueprint_id), output_path, f"{blueprint_id}.tar.gz")
    app.result(f"Blueprint downloaded as {target}", {"path": str(target)})


@cli.command("set-icon")
@click.argument("blueprint_id")
@click.option("-i", "--icon-path", type=click.Path(), help="The PNG image; without it, the icon is removed.")
@pass_app
def set_blueprint_icon(app: App, blueprint_id: str, icon_path: str | None) -> None:
    """Set the icon of the blueprint BLUEPRINT_ID, or remove it."""
    blueprint = app.client.blueprints.set_icon(blueprint_id, icon_path)
    done = "has a new icon set." if icon_path else "has its icon removed."
    app.result(f"Blueprint `{blueprint_id}` {done}", blueprint)


@cli.command("delete")
@click.argument("blueprint_id")
@click.option("-f", "--force", is_flag=True, help="Delete it even if other blueprints import it.")
@pass_app
def delete_blueprint(app: App, blueprint_id: str, force: bool) -> None:
    """Delete the blueprint BLUEPRINT_ID."""
    app.client.blueprints.delete(blueprint_id, force=force)
    app.result(f"Blueprint `{blueprint_id}` deleted", {"id": blueprint_id})


@cli.command("inputs")
@click.argument("blueprint_id")
@pass_app
def show_inputs(app: App, blueprint_id: str) -> None:
    """Show the inputs that the blueprint BLUEPRINT_ID declares."""
    inputs = app.client.blueprints.declared_inputs(blueprint_id)
    absent = dict.fromkeys(INPUT_COLUMNS, "-")
    rows = [{**absent, "name": name, **fields} for name, fields in inputs.items()]
    if app.as_data:
        app.answer(rows)
        return
    from cfy_cli.output import render

    render.records(rows, INPUT_COLUMNS, "Inputs:", vertical=app.options.vertical)


def _plugin_purposes(plan: Mapping[str, list[Item]]) -> dict[str, str]:
    """Return the purposes of each plugin: deployment, workflow, host agent."""
    purposes: dict[str, list[str]] = {}
    for purpose in ("deployment", "workflow", "host_agent"):
        for plugin in plan.get(f"{purpose}_plugins_to_install") or ():
            if plugin.get("package_name") and plugin.get("package_version"):
                name = f"{plugin['package_name']}=={plugin['package_version']}"
                purposes.setdefault(name, []).append(purpose.replace("_", " "))
    return {name: ", ".join(values) for name, values in purposes.items()}
