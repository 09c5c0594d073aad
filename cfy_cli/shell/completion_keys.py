"""Completion of `-i` and `-p`: declared inputs and parameters as `key=`, and their values where few are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from click.shell_completion import CompletionItem

from cfy_cli.shell.completion import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import click

    from cfy_cli.contract.plan import ParameterPlan, Plan, Schema
    from cfy_cli.shell.app import App

OPTIONS = frozenset({"inputs", "parameters"})


def complete_pairs(declared: Schema, incomplete: str) -> Iterator[CompletionItem]:
    """Yield `key=` for the keys that start with the incomplete text, or the values of the key that it names."""
    key, sign, _ = incomplete.partition("=")
    if sign:
        values = _values(declared.get(key, {}))
        yield from (CompletionItem(f"{key}={value}") for value in values if f"{key}={value}".startswith(incomplete))
        return
    for name, field in sorted(declared.items()):
        if name.startswith(incomplete):
            yield CompletionItem(f"{name}=", type=UNFINISHED, help=field.get("description") or None)


def read_declarations(app: App, param: click.Parameter, typed: Mapping[str, object], workflow_id: str) -> Schema:
    """Return what the blueprint file, the blueprint or the deployment of the typed command declares."""
    if path := typed.get("blueprint_path"):
        return _of_plan(_compile(str(path)), param, workflow_id)
    if blueprint_id := typed.get("blueprint_id"):
        return _of_plan(app.client.blueprints.plan(str(blueprint_id)), param, workflow_id)
    if (deployment_id := typed.get("deployment_id")) and param.name == "parameters":
        return app.client.deployments.declared_parameters(str(deployment_id), workflow_id)
    return {}


def _of_plan(plan: Plan, param: click.Parameter, workflow_id: str) -> Schema:
    if param.name == "inputs":
        return plan["inputs"]
    workflow = plan["workflows"].get(workflow_id)
    return cast("Schema", workflow["parameters"] or {}) if workflow else {}


def _compile(path: str) -> Plan:
    import os
    from pathlib import Path

    from cfy_cli.dsl import compile_blueprint

    return compile_blueprint(Path(os.path.expanduser(path)))


def _values(field: ParameterPlan) -> list[str]:
    """Return the values that are allowed, where the declaration lists them."""
    if field.get("type") == "boolean":
        return ["true", "false"]
    lists = [rule["valid_values"] for rule in field.get("constraints") or () if "valid_values" in rule]
    return [str(value) for values in lists if isinstance(values, list) for value in values]
