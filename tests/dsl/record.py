"""Record what the public parser makes of the good blueprints; run with a Python that has that parser.

    python tests/dsl/record.py [--check] [NAME...]

With `--check` nothing is written: what differs from the records is told, and so is a bad blueprint that it takes.
It needs `cloudify-common[dispatcher]`, which the project itself never imports.
"""

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from oracle import compiled
from plans import BAD, GOOD, HERE, STRICTER, dependencies, given_inputs, instances, reduced

PATIENCE = 20  # seconds; of some circles that parser finds no end
TYPES = HERE.parents[1] / "cfy_cli" / "dsl" / "types"


def record(main: Path, base: Path) -> dict[str, Any]:
    made = compiled(str(main), str(base), given_inputs(main))
    prepared = made["prepared"]
    return {
        "plan": reduced(made["plan"]),
        "prepared": reduced(prepared),
        "instances": instances(prepared["node_instances"]),
        "dependencies": dependencies(json.loads(json.dumps(prepared["inter_deployment_functions"]))),
    }


def furnished(folder: Path, base: Path) -> None:
    """A copy of blueprints with the basic types beside them, where that parser looks for them."""
    shutil.copytree(folder, base, dirs_exist_ok=True)
    (base / "cloudify" / "types").mkdir(parents=True)
    for path in TYPES.glob("*.yaml"):
        shutil.copy(path, base / "cloudify" / "types")


def recorded(main: Path, base: Path) -> str | None:
    try:
        return json.dumps(record(base / main.name, base), indent=1, sort_keys=True) + "\n"
    except Exception as error:
        print(f"{main.name}: {type(error).__name__}: {error}")
        return None


def good(wanted: list[str], base: Path, *, check: bool) -> int:
    differing = 0
    furnished(HERE / "ok", base)
    for path in GOOD:
        if wanted and path.stem not in wanted:
            continue
        text, golden = recorded(path, base), path.with_suffix(".plan.json")
        if text is None:
            differing += 1
        elif not check:
            golden.write_text(text)
        elif not golden.exists() or golden.read_text() != text:
            print(f"{path.name}: the plan differs from the record")
            differing += 1
    return differing


def bad(base: Path) -> int:
    """How many bad blueprints it takes, other than those about which we are stricter."""
    differing = 0
    furnished(HERE / "err", base)
    for path in BAD:
        signal.alarm(PATIENCE)
        try:
            compiled(str(base / path.name), str(base), given_inputs(path))
        except Exception:
            continue
        finally:
            signal.alarm(0)
        if path.stem not in STRICTER:
            print(f"{path.name}: the public parser takes it")
            differing += 1
    return differing


def out_of_patience(*_signal: object) -> None:
    raise TimeoutError


def main() -> None:
    signal.signal(signal.SIGALRM, out_of_patience)
    check = "--check" in sys.argv
    wanted = [name for name in sys.argv[1:] if name != "--check"]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        differing = good(wanted, Path(one), check=check)
        if check and not wanted:
            differing += bad(Path(other))
    if check:
        print(f"{len(wanted or GOOD)} good and {len(BAD)} bad blueprints asked, {differing} differ")
        sys.exit(min(differing, 1))


main()
