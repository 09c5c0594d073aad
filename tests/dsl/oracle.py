"""The public parser behind a JSON protocol, one request a line.

Run it with a Python that has the parser; the project itself never imports it.

Requests: {"do": "compile", "main": path, "base": path, "inputs": {...}},
{"do": "parse", "main": path, "base": path, "plugins": folder of NAME.yaml} or
{"do": "modify", "plan": plan, "existing": instances, "wanted": {name: number}, "include": {name: [ids]}}.
Responses: {"ok": value} or {"error": sentence}.
"""

import copy
import json
import sys
from pathlib import Path
from typing import Any

from dsl_parser import parser, tasks
from dsl_parser.import_resolver.abstract_import_resolver import AbstractImportResolver, read_import


class AllResourcesExist:
    """A double of the manager, for which every resource that an input names exists."""

    def has_deployment_id(self) -> bool:
        return True

    def has_blueprint_id(self) -> bool:
        return True

    def get(self, _type: str, value: Any, **_narrower: Any) -> list[Any]:
        return [value]


class FolderResolver(AbstractImportResolver):
    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def resolve(self, import_url: str) -> str:
        if not import_url.startswith("plugin:"):
            return str(read_import(import_url))
        return (self.folder / f"{import_url.removeprefix('plugin:').partition('?')[0]}.yaml").read_text()

    def retrieve_plugin(self, import_url: str, **_about: Any) -> None:
        return None


def compile_and_prepare(main: str, base: str, inputs: dict[str, Any]) -> dict[str, Any]:
    plan = parser.parse_from_path(main, resources_base_path=base)
    unprepared = json.loads(json.dumps(plan))
    prepared = tasks.prepare_deployment_plan(
        plan, get_secret_method=lambda key: key, inputs=inputs, values_getter=AllResourcesExist()
    )
    return {"plan": unprepared, "prepared": prepared}


def parse(main: str, base: str, plugins: str) -> dict[str, Any]:
    plan: dict[str, Any] = parser.parse_from_path(main, resources_base_path=base, resolver=FolderResolver(plugins))
    return plan


def modify(
    plan: dict[str, Any], existing: list[Any], wanted: dict[str, int], include: dict[str, Any]
) -> dict[str, Any]:
    changes: dict[str, Any] = tasks.modify_deployment(
        nodes=plan["nodes"],
        previous_nodes=copy.deepcopy(plan["nodes"]),
        previous_node_instances=existing,
        modified_nodes={
            name: {"instances": count, "removed_ids_include_hint": include[name]} for name, count in wanted.items()
        },
        scaling_groups=plan["scaling_groups"],
    )
    return changes


def respond(request: dict[str, Any]) -> dict[str, Any]:
    do = {"compile": compile_and_prepare, "parse": parse, "modify": modify}[request.pop("do")]
    try:
        return {"ok": do(**request)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(respond(json.loads(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
