"""Record the plans of the public parser for the valid blueprints; run with a Python that has that parser.

    python tests/dsl/record.py [--check] [NAME...]

With `--check`, write nothing; report plans that differ from the records and invalid blueprints that it accepts.
It needs `cloudify-common[dispatcher]`, which the project itself never imports.
"""

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from golden_plans import (
    BAD,
    GOOD,
    HERE,
    STRICTER,
    read_inputs,
    reduce_plan,
    summarize_dependencies,
    summarize_instances,
)
from oracle import compile_and_prepare

PARSE_TIMEOUT = 20  # seconds; the public parser never ends on some cycles
TYPES = HERE.parents[1] / "cfy_cli" / "dsl" / "types"


def record(main: Path, base: Path) -> dict[str, Any]:
    result = compile_and_prepare(str(main), str(base), read_inputs(main))
    prepared = result["prepared"]
    return {
        "plan": reduce_plan(result["plan"]),
        "prepared": reduce_plan(prepared),
        "instances": summarize_instances(prepared["node_instances"]),
        "dependencies": summarize_dependencies(json.loads(json.dumps(prepared["inter_deployment_functions"]))),
    }


def copy_with_types(folder: Path, base: Path) -> None:
    """Copy blueprints, with the basic types in the folder in which the public parser searches them."""
    shutil.copytree(folder, base, dirs_exist_ok=True)
    (base / "cloudify" / "types").mkdir(parents=True)
    for path in TYPES.glob("*.yaml"):
        shutil.copy(path, base / "cloudify" / "types")


def try_record(main: Path, base: Path) -> str | None:
    try:
        return json.dumps(record(base / main.name, base), indent=1, sort_keys=True) + "\n"
    except Exception as error:
        print(f"{main.name}: {type(error).__name__}: {error}")
        return None


def check_valid(wanted: list[str], base: Path, *, check: bool) -> int:
    differing = 0
    copy_with_types(HERE / "ok", base)
    for path in GOOD:
        if wanted and path.stem not in wanted:
            continue
        text, golden = try_record(path, base), path.with_suffix(".plan.json")
        if text is None:
            differing += 1
        elif not check:
            golden.write_text(text)
        elif not golden.exists() or golden.read_text() != text:
            print(f"{path.name}: the plan differs from the record")
            differing += 1
    return differing


def check_invalid(base: Path) -> int:
    """Return the number of invalid blueprints that the parser accepts, but for those on which cfy is stricter."""
    differing = 0
    copy_with_types(HERE / "err", base)
    for path in BAD:
        signal.alarm(PARSE_TIMEOUT)
        try:
            compile_and_prepare(str(base / path.name), str(base), read_inputs(path))
        except Exception:
            continue
        finally:
            signal.alarm(0)
        if path.stem not in STRICTER:
            print(f"{path.name}: the public parser accepts it")
            differing += 1
    return differing


def raise_timeout(*_signal: object) -> None:
    raise TimeoutError


def main() -> None:
    signal.signal(signal.SIGALRM, raise_timeout)
    check = "--check" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--check"]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        differing = check_valid(wanted, Path(one), check=check)
        if check and not wanted:
            differing += check_invalid(Path(other))
    if check:
        print(f"{len(wanted or GOOD)} valid and {len(BAD)} invalid blueprints parsed, {differing} differ")
        sys.exit(min(differing, 1))


main()
