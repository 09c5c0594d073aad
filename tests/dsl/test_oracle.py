"""Comparison with the public parser on random blueprints and on public examples.

CFY_ORACLE names a Python that has it; CFY_PUBLIC_EXAMPLES a folder of blueprints, with what they import as
`plugin:NAME` in plugins/NAME.yaml. Without them these tests are absent.
"""

import copy
import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfy_cli import dsl
from cfy_cli.dsl import bundled
from cfy_cli.dsl.functions.names import is_function
from tests.dsl import blueprint_strategies
from tests.dsl.golden_plans import GOOD, HERE, read_inputs, reduce_plan, summarize_instances
from tests.dsl.in_memory_lookups import write_blueprint

PYTHON, EXAMPLES = os.environ.get("CFY_ORACLE", ""), os.environ.get("CFY_PUBLIC_EXAMPLES", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PYTHON, reason="absent: CFY_ORACLE names no Python that has the public parser"),
]


class Oracle:
    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "cloudify" / "types").mkdir(parents=True)
        for path in bundled.FOLDER.glob("*.yaml"):
            (base / "cloudify" / "types" / path.name).write_bytes(path.read_bytes())
        self.process = subprocess.Popen(
            [PYTHON, str(HERE / "oracle.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def request(self, do: str, **arguments: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()
        response: dict[str, Any] = json.loads(self.process.stdout.readline())
        return response

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    process = Oracle(tmp_path_factory.mktemp("oracle"))
    yield process
    process.close()


def to_plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(made=blueprint_strategies.blueprints())
def test_random_blueprints_compile_to_equal_plans(oracle: Oracle, made: dict[str, Any]) -> None:
    main = write_blueprint(oracle.base, blueprint_strategies.to_json(made))
    theirs = oracle.request("compile", main=str(main), base=str(oracle.base), inputs={})
    plan = dsl.compile_blueprint(main)
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    assert "ok" in theirs, theirs
    assert reduce_plan(to_plain(plan)) == reduce_plan(theirs["ok"]["plan"])
    assert reduce_plan(to_plain(prepared)) == reduce_plan(theirs["ok"]["prepared"])
    assert summarize_instances(dsl.create_instances(prepared)) == summarize_instances(
        theirs["ok"]["prepared"]["node_instances"]
    )


class PluginResolver:
    """A resolver of `plugin:NAME` in the folder of examples."""

    def resolve(self, name: str) -> dsl.ResolvedImport | None:
        path = Path(EXAMPLES) / "plugins" / f"{name.removeprefix('plugin:').partition('?')[0]}.yaml"
        return dsl.ResolvedImport(name, path.read_bytes()) if path.exists() else None


def remove_added_types(plan: dict[str, Any]) -> dict[str, Any]:
    """Remove the `type` that the public parser adds to maps given for typed inputs of operations."""
    for node in plan["nodes"]:
        for name, operation in node["operations"].items():
            types = operation.get("inputs_types") or {} if name else {}  # without a name: operations that do nothing
            for each in [each for each in types if not is_function(operation["inputs"][each])]:
                operation["inputs"][each].pop("type")
                del types[each]
            if name and not types:
                operation.pop("inputs_types", None)
    return plan


@pytest.mark.skipif(not EXAMPLES, reason="absent: CFY_PUBLIC_EXAMPLES names no folder of public examples")
def test_public_examples_compile_to_equal_plans(oracle: Oracle) -> None:
    outcomes: Counter[str] = Counter()
    for main in sorted(Path(EXAMPLES).rglob("*.yaml")):
        if "tosca_definitions_version" not in main.read_text(errors="replace") or main.parent.name == "plugins":
            continue
        theirs = oracle.request("parse", main=str(main), base=str(oracle.base), plugins=str(Path(EXAMPLES) / "plugins"))
        problems = dsl.lint(main, resolver=PluginResolver()).errors
        assert bool(problems) == ("error" in theirs), f"{main}: {problems or theirs}"
        if problems:
            outcomes["refused by both"] += 1
            continue
        ours = reduce_plan(to_plain(dsl.compile_blueprint(main, resolver=PluginResolver())))
        assert ours == remove_added_types(reduce_plan(theirs["ok"])), main
        outcomes["equal"] += 1
    print(dict(outcomes))
    assert outcomes["equal"] >= 10


def removal_hints(existing: list[Any], changes: dsl.InstanceChanges, wanted: dict[str, int]) -> dict[str, list[str]]:
    """Return the removed instances of nodes and whole groups, so that the public parser removes the same ones."""
    removed = {each["id"] for each in changes.removed}
    groups = {True: set(), False: set()}  # type: dict[bool, set[str]]
    for each in existing:
        groups[each["id"] in removed].update(group["id"] for group in each.get("scaling_groups") or [])
    emptied = groups[True] - groups[False]
    return {
        name: [each["id"] for each in changes.removed if each["node_id"] == name]
        + [group for group in emptied if group.rpartition("_")[0] == name]
        for name in wanted
    }


def describe_instances(found: list[Any], known: set[str]) -> list[str]:
    """Describe instances without generated ids, and without hosts, which differ: see test_parser_differences."""

    def name(instance_id: str) -> str:
        return instance_id if instance_id in known else instance_id.rpartition("_")[0]

    return sorted(
        json.dumps(
            [
                name(each["id"]),
                [name(group["id"]) for group in each.get("scaling_groups") or []],
                sorted([link["type"], name(link["target_id"])] for link in each["relationships"]),
            ]
        )
        for each in found
    )


@pytest.mark.parametrize(
    "main", [path for path in GOOD if path.stem.startswith(("scal", "contain", "nested"))], ids=lambda path: path.stem
)
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_random_changes_create_equal_instances(oracle: Oracle, main: Path, seed: int) -> None:
    chance = random.Random(seed)
    plan = dsl.compile_blueprint(main)
    prepared = to_plain(dsl.prepare_deployment(plan, dsl.check_inputs(plan, read_inputs(main))))
    existing = dsl.create_instances(prepared)
    name = chance.choice([node["name"] for node in prepared["nodes"]] + list(prepared["scaling_groups"]))
    wanted = {name: chance.randint(0, 4)}
    changes = dsl.modify_instances(prepared, copy.deepcopy(existing), wanted)
    arguments = {
        "plan": prepared,
        "existing": existing,
        "wanted": wanted,
        "include": removal_hints(existing, changes, wanted),
    }
    theirs = oracle.request("modify", **arguments)
    assert "ok" in theirs, theirs
    known = {each["id"] for each in existing}
    known |= {group["id"] for each in existing for group in each.get("scaling_groups") or []}
    for kind in ("added", "removed", "extended", "reduced"):
        both = theirs["ok"][f"{kind}_and_related"]
        changed = [each for each in both if each.get("modification")]
        related = [each for each in both if not each.get("modification")]
        assert describe_instances(getattr(changes, kind), known) == describe_instances(changed, known), (kind, wanted)
        assert describe_instances(getattr(changes, f"{kind}_related"), known) == describe_instances(related, known), (
            kind,
            wanted,
        )
