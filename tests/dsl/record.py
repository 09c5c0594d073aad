"""Record what the public parser makes of the good blueprints; run by hand, with a Python that has that parser.

    python tests/dsl/record.py [NAME...]

It needs `cloudify-common[dispatcher]`, which the project itself never imports.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from dsl_parser import parser, tasks
from plans import GOOD, HERE, given_inputs, instances, reduced

TYPES = HERE.parents[1] / "cfy_cli" / "dsl" / "types"


def record(main: Path, base: Path) -> dict[str, Any]:
    plan = parser.parse_from_path(str(main), resources_base_path=str(base))
    plan_as_json = json.loads(json.dumps(plan))
    prepared = tasks.prepare_deployment_plan(plan, get_secret_method=lambda key: key, inputs=given_inputs(main))
    made = instances(prepared["node_instances"])
    return {"plan": reduced(plan_as_json, main), "prepared": reduced(prepared, main), "instances": made}


def main() -> None:
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        shutil.copytree(HERE / "ok", base, dirs_exist_ok=True)
        (base / "cloudify" / "types").mkdir(parents=True)
        for path in TYPES.glob("*.yaml"):
            shutil.copy(path, base / "cloudify" / "types")
        for path in GOOD:
            if wanted and path.stem not in wanted:
                continue
            try:
                found = record(base / path.name, base)
            except Exception as error:
                print(f"{path.name}: {type(error).__name__}: {error}")
                continue
            text = json.dumps(found, indent=1, sort_keys=True)
            path.with_suffix(".plan.json").write_text(text + "\n")


main()
