"""The public parser, asked a question a line in JSON; run with a Python that has it, which the project never imports.

Questions: {"do": "compile", "main": path, "base": path, "inputs": {...}},
{"do": "parse", "main": path, "base": path, "plugins": folder of NAME.yaml} or
{"do": "modify", "plan": plan, "existing": instances, "wanted": {name: number}, "include": {name: [ids]}}.
Answers: {"ok": value} or {"error": sentence}.
"""

import copy
import json
import sys
from pathlib import Path
from typing import Any

from dsl_parser import parser, tasks
from dsl_parser.import_resolver.abstract_import_resolver import AbstractImportResolver, read_import


class EverythingIsThere:
    """Stands for the manager, which is asked whether what an input names exists."""

    def has_deployment_id(self) -> bool:
        return True

    def has_blueprint_id(self) -> bool:
        return True

    def get(self, _type: str, value: Any, **_narrower: Any) -> list[Any]:
        return [value]


class PluginsOfAFolder(AbstractImportResolver):
    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def resolve(self, import_url: str) -> str:
        if not import_url.startswith("plugin:"):
            return str(read_import(import_url))
        return (self.folder / f"{import_url.removeprefix('plugin:').partition('?')[0]}.yaml").read_text()

    def retrieve_plugin(self, import_url: str, **_about: Any) -> None:
        return None


def compiled(main: str, base: str, inputs: dict[str, Any]) -> dict[str, Any]:
    plan = parser.parse_from_path(main, resources_base_path=base)
    as_written = json.loads(json.dumps(plan))
    prepared = tasks.prepare_deployment_plan(
        plan, get_secret_method=lambda key: key, inputs=inputs, values_getter=EverythingIsThere()
    )
    return {"plan": as_written, "prepared": prepared}


def parsed(main: str, base: str, plugins: str) -> dict[str, Any]:
    plan: dict[str, Any] = parser.parse_from_path(main, resources_base_path=base, resolver=PluginsOfAFolder(plugins))
    return plan


def modified(
    plan: dict[str, Any], existing: list[Any], wanted: dict[str, int], include: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = tasks.modify_deployment(
        nodes=plan["nodes"],
        previous_nodes=copy.deepcopy(plan["nodes"]),
        previous_node_instances=existing,
        modified_nodes={
            name: {"instances": number, "removed_ids_include_hint": include[name]} for name, number in wanted.items()
        },
        scaling_groups=plan["scaling_groups"],
    )
    return found


def answer(question: dict[str, Any]) -> dict[str, Any]:
    do = {"compile": compiled, "parse": parsed, "modify": modified}[question.pop("do")]
    try:
        return {"ok": do(**question)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
