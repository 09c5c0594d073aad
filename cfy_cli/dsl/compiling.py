"""From files to a plan, phase by phase; what each finds wrong is gathered, and the next goes on with the rest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from cfy_cli.contract.plan import Plan as CompiledPlan
from cfy_cli.dsl.collecting import collector_paused
from cfy_cli.dsl.evaluations import Checking
from cfy_cli.dsl.functions.function import Context, Json
from cfy_cli.dsl.functions.written import read_value
from cfy_cli.dsl.grammar import DEFINITIONS, SECTIONS
from cfy_cli.dsl.groups import groups_of, policies_of, scaling_groups_of
from cfy_cli.dsl.hierarchies import Completing, NodeTypes, RelationshipTypes, data_types
from cfy_cli.dsl.imports import Gathered, gather
from cfy_cli.dsl.inputs import check_defaults
from cfy_cli.dsl.merge import Document, merge
from cfy_cli.dsl.names import look_up
from cfy_cli.dsl.nodes import HOST, Nodes
from cfy_cli.dsl.operations import Operators
from cfy_cli.dsl.plugins import place_plugins, workflow_plugins
from cfy_cli.dsl.problems import BlueprintInvalid, Problems
from cfy_cli.dsl.resolver import NoResolver, Resolver
from cfy_cli.dsl.scripts import Targets
from cfy_cli.dsl.shapes import Reading
from cfy_cli.dsl.walk import Plan, with_calls_made
from cfy_cli.dsl.workflows import workflows_of


def compile_blueprint(main: Path, *, root: Path | None = None, resolver: Resolver | None = None) -> CompiledPlan:
    """The plan of the blueprint in the file `main`; it may import what is within `root`, by default its own folder.

    Raises BlueprintInvalid, which tells everything that is wrong.
    """
    plan, problems = _compile(main, root, resolver)
    if problems or plan is None:
        raise BlueprintInvalid(problems)
    return cast("CompiledPlan", plan)


def lint(main: Path, *, root: Path | None = None, resolver: Resolver | None = None) -> Problems:
    """Everything that is wrong with a blueprint; nothing when it is fine."""
    return _compile(main, root, resolver)[1]


def imported_files(main: Path) -> set[Path]:
    """The files on this machine that a blueprint imports, whatever else is wrong with it."""
    gathered = gather(main, main.parent, NoResolver(), Problems())
    return {Path(file.key) for file in gathered.files[1:] if file.folder is not None} if gathered else set()


@collector_paused()
def _compile(main: Path, root: Path | None, resolver: Resolver | None) -> tuple[Plan | None, Problems]:
    problems = Problems()
    root = main.parent if root is None else root
    gathered = gather(main, root, resolver or NoResolver(), problems)
    plan = None
    if gathered is not None:
        folders = tuple(dict.fromkeys((main.parent, root)))
        plan = _Compilation(merge(gathered, problems), gathered, folders, problems).plan()
    problems.sort(key=lambda problem: (problem.place.file != _main_file(gathered), problem.place))
    return plan, problems


def _main_file(gathered: Gathered | None) -> str:
    return gathered.files[0].node.source.file if gathered else ""


class _Compilation:
    def __init__(self, document: Document, gathered: Gathered, folders: tuple[Path, ...], problems: Problems) -> None:
        self.document, self.gathered, self.folders = document, gathered, folders
        self.reading = Reading(document.version, problems, read_value)
        if definitions := document.main.get("dsl_definitions"):
            DEFINITIONS.read(definitions, self.reading)
        self.read: dict[str, Any] = {
            name: shape.read(document.section(name), self.reading) for name, shape in SECTIONS.items()
        }

    def plan(self) -> Plan:
        read, reading = self.read, self.reading
        look_up(reading, self.document.sections, whole=self.gathered.whole)
        completing = Completing(reading, data_types(read["data_types"], reading))
        plugins = {name: {**about, "name": name} for name, about in read["plugins"].items()}
        targets = Targets(plugins, self.folders, self.gathered.blueprints, self.gathered.whole)
        node_types = NodeTypes(read["node_types"], completing)
        relationships = RelationshipTypes(read["relationships"], completing)
        operators = Operators(targets, plugins, reading)
        node_types.all_written()
        plan = self._plain_sections(completing)
        plan["relationships"] = relationships.plan()
        plan["workflows"] = workflows_of(read["workflows"], targets, completing)
        plan["nodes"] = Nodes(read["node_templates"], node_types, relationships, operators, completing).make()
        plan.update(self._plugins(plan, plugins, node_types))
        plan.update(self._groups(plan, completing))
        check_defaults(plan["inputs"], self.document.section("inputs"), reading)
        plan["requirements"] = self._check_calls(plan)
        return plan

    def _plain_sections(self, completing: Completing) -> Plan:
        read, version = self.read, self.document.version
        raw = f"cloudify_dsl_{version[0]}_{version[1]}"
        plan: Plan = {
            "version": {"raw": raw, "definitions_name": "cloudify_dsl", "definitions_version": list(version)},
            "data_types": completing.data_types,
            "imported_blueprints": list(self.gathered.blueprints.values()),
            "namespaces_mapping": dict(self.gathered.blueprints),
            "inputs": completing.schema(read["inputs"], self.document.section("inputs"), (), inputs=True),
        }
        for name in (
            "blueprint_labels",
            "capabilities",
            "deployment_settings",
            "description",
            "labels",
            "metadata",
            "outputs",
            "resource_tags",
        ):
            plan[name] = read[name] if name in self.document.sections or name != "metadata" else None
        for name, key in (("policy_types", "properties"), ("policy_triggers", "parameters")):
            plan[name] = {
                each: {**about, key: completing.schema(about[key], self.document.section(name), (each, key))}
                for each, about in read[name].items()
            }
        if "upload_resources" in self.document.sections:
            plan["upload_resources"] = read["upload_resources"]
        return plan

    def _plugins(self, plan: Plan, plugins: Mapping[str, Any], node_types: NodeTypes) -> Plan:
        hosts = frozenset(name for name in {node["type"] for node in plan["nodes"]} if _is_host(node_types, name))
        written = {name: template.node for name, template in self.read["node_templates"].items()}
        return {
            **place_plugins(plan["nodes"], plugins, hosts, written, self.reading),
            "workflow_plugins_to_install": workflow_plugins(plan["workflows"], plugins),
        }

    def _groups(self, plan: Plan, completing: Completing) -> Plan:
        read = self.read
        groups = groups_of(
            read["groups"], read["node_templates"], plan["policy_types"], plan["policy_triggers"], completing
        )
        policies = policies_of(read["policies"])
        scaled = scaling_groups_of(policies, groups, read["groups"], plan["nodes"], completing)
        return {"groups": groups, "policies": policies, "scaling_groups": scaled}

    def _check_calls(self, plan: Plan) -> Plan:
        """Make every call that needs no input, to see that it can be; what calls ask of a manager is the answer."""
        templates = self.read["node_templates"]
        checking = Checking(plan, self.reading, frozenset(templates), whole=self.gathered.whole)

        def check(value: Json, context: Context) -> Json:
            owner = templates.get(context.self_node or context.source_node)
            checking.owner = owner.node if owner else self.document.main
            checking.value_of(value, context)
            return value

        with_calls_made(plan, check)
        return {
            "parent_capabilities": [
                asked if isinstance(asked, list) else [asked]
                for asked in checking.asked_for("get_environment_capability")
            ],
            "secrets": checking.asked_for("get_secret"),
        }


def _is_host(node_types: NodeTypes, name: str) -> bool:
    kind = node_types.get(name)
    return kind is not None and HOST in kind.hierarchy
