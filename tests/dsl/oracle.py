"""The public parser, asked a question a line in JSON; run with a Python that has it, which the project never imports.

Questions: {"do": "compile", "main": path, "base": path, "inputs": {...}} or
{"do": "modify", "plan": plan, "existing": instances, "wanted": {name: number}, "include": {name: [ids]}}.
Answers: {"ok": value} or {"error": sentence}.
"""

import copy
import json
import sys
from typing import Any

from dsl_parser import parser, tasks


class EverythingIsThere:
    """Stands for the manager, which is asked whether what an input names exists."""

    def has_deployment_id(self) -> bool:
        return True

    def has_blueprint_id(self) -> bool:
        return True

    def get(self, _type: str, value: Any, **_narrower: Any) -> list[Any]:
        return [value]


def compiled(main: str, base: str, inputs: dict[str, Any]) -> dict[str, Any]:
    plan = parser.parse_from_path(main, resources_base_path=base)
    as_written = json.loads(json.dumps(plan))
    prepared = tasks.prepare_deployment_plan(
        plan, get_secret_method=lambda key: key, inputs=inputs, values_getter=EverythingIsThere()
    )
    return {"plan": as_written, "prepared": prepared}


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
    do = {"compile": compiled, "modify": modified}[question.pop("do")]
    try:
        return {"ok": do(**question)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=str), flush=True)


if __name__ == "__main__":
    main()
