"""Compilation of a blueprint, phase by phase; each phase reports its problems and continues with the valid rest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.contract.plan import Plan, PluginPlan, PolicyTriggerPlan, PolicyTypePlan
from cfy_cli.dsl.compilation import Compilation
from cfy_cli.dsl.data_types import resolve_data_types
from cfy_cli.dsl.declarations import Sections
from cfy_cli.dsl.declared_values import find_wrong_defaults
from cfy_cli.dsl.definitions import Definitions
from cfy_cli.dsl.functions.function import EvaluationContext
from cfy_cli.dsl.functions.sizes import ValuesTooLarge
from cfy_cli.dsl.gc_pause import gc_paused
from cfy_cli.dsl.grammar import DEFINITIONS, SECTIONS
from cfy_cli.dsl.groups import build_groups, build_policies, build_scaling_groups
from cfy_cli.dsl.implementations import ImplementationResolver
from cfy_cli.dsl.imports import ImportedFiles, load_files
from cfy_cli.dsl.inheritance import NodeTypeRegistry, RelationshipTypeRegistry
from cfy_cli.dsl.merge import Document, merge
from cfy_cli.dsl.name_resolution import check_references
from cfy_cli.dsl.near_misses import check_interfaces
from cfy_cli.dsl.nodes import HOST, NodeBuilder
from cfy_cli.dsl.operations import OperationBuilder
from cfy_cli.dsl.plan_evaluation import CallChecker
from cfy_cli.dsl.plan_values import map_values
from cfy_cli.dsl.plugins import assign_plugins, workflow_plugins
from cfy_cli.dsl.problems import BlueprintInvalid, Problem, Problems
from cfy_cli.dsl.resolver import ImportResolver, OfflineResolver
from cfy_cli.dsl.schema_resolution import SchemaResolver
from cfy_cli.dsl.versions import version_name
from cfy_cli.dsl.workflows import build_workflows


def compile_blueprint(
    main: Path,
    *,
    root: Path | None = None,
    resolver: ImportResolver | None = None,
    on_warnings: Callable[[Sequence[Problem]], None] | None = None,
) -> Plan:
    """Return the plan of the blueprint in the file `main`; it can import files within `root`, by default its folder.

    Raises BlueprintInvalid with all errors.
    """
    plan, problems = _compile(main, root, resolver)
    if on_warnings is not None:
        on_warnings(problems.warnings)
    if problems.errors or plan is None:
        raise BlueprintInvalid(problems.errors or problems.notes)
    return plan


def lint(
    main: Path,
    *,
    root: Path | None = None,
    boundary: Path | None = None,
    resolver: ImportResolver | None = None,
) -> Problems:
    """Return all problems of a blueprint, errors and warnings; it can import files within `boundary`, if given."""
    return _compile(main, root, resolver, boundary)[1]


@gc_paused()
def find_definitions(main: Path, *, resolver: ImportResolver | None = None) -> Definitions:
    """Return what a blueprint and its imports define. Raises BlueprintInvalid if they cannot be read.

    Problems of the blueprint itself do not matter, as far as the definitions can be resolved without what is wrong.
    """
    problems = Problems()
    imported = load_files(main, main.parent, resolver or OfflineResolver(), problems)
    if imported is None or not imported.complete:
        raise BlueprintInvalid(problems.errors or problems.notes)
    compiler = _Compiler(merge(imported, problems), imported, (main.parent,), problems)
    return compiler.find_definitions()


def find_imported_files(main: Path) -> set[Path]:
    """Return the local files that a blueprint imports, even if it is invalid otherwise."""
    imported = load_files(main, main.parent, OfflineResolver(), Problems())
    return {Path(file.key) for file in imported.files[1:] if file.folder is not None} if imported else set()


@gc_paused()
def _compile(
    main: Path, root: Path | None, resolver: ImportResolver | None, boundary: Path | None = None
) -> tuple[Plan | None, Problems]:
    problems = Problems()
    root = main.parent if root is None else root
    imported = load_files(main, root, resolver or OfflineResolver(), problems, boundary)
    plan = None
    if imported is not None:
        folders = tuple(dict.fromkeys((main.parent, root)))
        plan = _Compiler(merge(imported, problems), imported, folders, problems).compile()
        plan = plan if imported.complete else None
    main_file = imported.files[0].node.source.file if imported else ""
    problems.sort(key=lambda problem: (problem.location.file != main_file, problem.location))
    return plan, problems


class _Compiler:
    def __init__(
        self, document: Document, imported: ImportedFiles, folders: tuple[Path, ...], problems: Problems
    ) -> None:
        self.document, self.imported, self.folders = document, imported, folders
        self.compilation = Compilation(document.version, problems)
        if definitions := document.main.get("dsl_definitions"):
            DEFINITIONS.parse(definitions, self.compilation)
        parsed = {name: parser.parse(document.section(name), self.compilation) for name, parser in SECTIONS.items()}
        self.sections = cast("Sections", parsed)

    def compile(self) -> Plan:
        compilation, sections, document = self.compilation, self.sections, self.document
        check_references(compilation, document.sections, self.imported)
        data_types = resolve_data_types(sections["data_types"], compilation)
        schemas = SchemaResolver(compilation, data_types)
        plugins: dict[str, PluginPlan] = {
            name: {**plugin, "name": name} for name, plugin in sections["plugins"].items()
        }
        implementations = ImplementationResolver(
            plugins, self.folders, self.imported.blueprints, self.imported.complete
        )
        node_types = NodeTypeRegistry(sections["node_types"], schemas)
        relationship_types = RelationshipTypeRegistry(sections["relationships"], schemas)
        node_types.resolve_all()
        inputs_section = document.section("inputs")
        inputs = schemas.resolve_schema(sections["inputs"], inputs_section, (), inputs=True)
        policy_types, policy_triggers = self._policy_types(schemas), self._policy_triggers(schemas)
        relationships = relationship_types.build_plan()
        workflows = build_workflows(sections["workflows"], implementations, schemas)
        operations = OperationBuilder(implementations, plugins, schemas)
        operations.check_relationship_types(sections["relationships"])
        templates = sections["node_templates"]
        nodes = NodeBuilder(templates, node_types, relationship_types, operations, schemas).build_all()
        operations.check_node_types(sections["node_types"])
        hosts = frozenset(name for name in {node["type"] for node in nodes} if _is_host(node_types, name))
        written = {name: template.node for name, template in templates.items()}
        to_install = assign_plugins(nodes, plugins, hosts, written, compilation)
        check_interfaces(templates, node_types, relationship_types, compilation)
        groups = build_groups(sections["groups"], templates, policy_types, policy_triggers, schemas)
        policies = build_policies(sections["policies"])
        plan: Plan = {
            "version": {
                "raw": version_name(document.version),
                "definitions_name": "cloudify_dsl",
                "definitions_version": list(document.version),
            },
            "description": sections["description"],
            "metadata": sections["metadata"] if "metadata" in document.sections else None,
            "inputs": inputs,
            "data_types": data_types,
            "relationships": relationships,
            "nodes": nodes,
            "workflows": workflows,
            "outputs": sections["outputs"],
            "capabilities": sections["capabilities"],
            "groups": groups,
            "policies": policies,
            "policy_types": policy_types,
            "policy_triggers": policy_triggers,
            "scaling_groups": build_scaling_groups(policies, groups, sections["groups"], nodes, schemas),
            "labels": sections["labels"],
            "blueprint_labels": sections["blueprint_labels"],
            "deployment_settings": sections["deployment_settings"],
            "resource_tags": sections["resource_tags"],
            "imported_blueprints": list(self.imported.blueprints.values()),
            "namespaces_mapping": dict(self.imported.blueprints),
            "deployment_plugins_to_install": to_install["deployment_plugins_to_install"],
            "host_agent_plugins_to_install": to_install["host_agent_plugins_to_install"],
            "workflow_plugins_to_install": workflow_plugins(workflows, plugins),
            "requirements": {},
        }
        if "upload_resources" in document.sections:
            plan["upload_resources"] = sections["upload_resources"]
        schemas.warn_of_constraints(inputs, inputs_section)
        for name, problem in find_wrong_defaults(inputs):
            compilation.report(inputs_section.locate((name, "default")), "constraint", problem)
        plan["requirements"] = self._check_calls(plan)
        return plan

    def find_definitions(self) -> Definitions:
        sections = self.sections
        data_types = resolve_data_types(sections["data_types"], self.compilation)
        schemas = SchemaResolver(self.compilation, data_types)
        node_types = NodeTypeRegistry(sections["node_types"], schemas)
        relationships = RelationshipTypeRegistry(sections["relationships"], schemas)
        return Definitions(
            {name: found for name in sections["node_types"] if (found := node_types.get(name))},
            {name: found for name in sections["relationships"] if (found := relationships.get(name))},
            data_types,
            {name: declared.node.location for name, declared in sections["data_types"].items()},
            sections["workflows"],
        )

    def _policy_types(self, schemas: SchemaResolver) -> dict[str, PolicyTypePlan]:
        section = self.document.section("policy_types")
        return {
            name: {
                **declared,
                "properties": schemas.resolve_schema(declared["properties"], section, (name, "properties")),
            }
            for name, declared in self.sections["policy_types"].items()
        }

    def _policy_triggers(self, schemas: SchemaResolver) -> dict[str, PolicyTriggerPlan]:
        section = self.document.section("policy_triggers")
        return {
            name: {
                **declared,
                "parameters": schemas.resolve_schema(declared["parameters"], section, (name, "parameters")),
            }
            for name, declared in self.sections["policy_triggers"].items()
        }

    def _check_calls(self, plan: Plan) -> dict[str, list[Json]]:
        """Evaluate every call that needs no inputs, and return the arguments of those that read from the manager."""
        templates = self.sections["node_templates"]
        checker = CallChecker(plan, self.compilation, frozenset(templates), complete=self.imported.has_all_templates)

        def check(value: Json, context: EvaluationContext) -> Json:
            owner = templates.get(context.self_node or context.source_node or "")
            checker.owner = owner.node if owner else self.document.main
            checker.value_of(value, context)
            return value

        try:
            map_values(plan, check)
        except ValuesTooLarge as error:
            owner = checker.owner or self.document.main
            self.compilation.report(owner, "too-large", error.message)
        capabilities = checker.arguments_of("get_environment_capability")
        return {
            "parent_capabilities": [
                arguments if isinstance(arguments, list) else [arguments] for arguments in capabilities
            ],
            "secrets": checker.arguments_of("get_secret"),
        }


def _is_host(node_types: NodeTypeRegistry, name: str) -> bool:
    node_type = node_types.get(name)
    return node_type is not None and HOST in node_type.hierarchy
