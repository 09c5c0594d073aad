"""Updates between random blueprints: afterwards the deployment is as a new one, and only what differs was touched."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conftest import Ask
from tests.dsl.plan_pairs import pairs
from tests.manager.conftest import Upload
from tests.manager.test_deployment_updates import update

pytestmark = [pytest.mark.slow, pytest.mark.sqlite]
NODE_FIELDS = ("id", "type", "properties", "relationships", "operations", "number_of_instances", "host_id", "plugins")
DEPLOYMENT_FIELDS = ("inputs", "outputs", "scaling_groups", "groups", "installation_status", "blueprint_id")


def items(ask: Ask, noun: str, deployment: str) -> list[dict[str, Any]]:
    return list(ask("GET", f"/{noun}?deployment_id={deployment}&_size=1000&_sort=id").json()["items"])


def describe(ask: Ask, deployment: str) -> tuple[Any, ...]:
    """Return all that does not depend on ids of node instances."""
    nodes = [{name: node[name] for name in NODE_FIELDS} for node in items(ask, "nodes", deployment)]
    found = items(ask, "node-instances", deployment)
    node_of = {instance["id"]: instance["node_id"] for instance in found}
    shapes = Counter(
        (
            instance["node_id"],
            instance["state"],
            tuple(sorted((link["type"], node_of[link["target_id"]]) for link in instance["relationships"])),
            tuple(group["name"] for group in instance["scaling_groups"]),
        )
        for instance in found
    )
    row = ask("GET", f"/deployments/{deployment}").json()
    return nodes, shapes, {name: row[name] for name in DEPLOYMENT_FIELDS}


def test_updated_deployment_equals_a_new_one(ask: Ask, upload: Upload, run: Callable[..., Any]) -> None:
    numbers = itertools.count()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(pairs())
    def check(texts: tuple[str, str]) -> None:
        number = next(numbers)
        for kind, text in zip(("old", "new"), texts, strict=True):
            assert upload(f"{kind}{number}", text, {}).json()["state"] == "uploaded"
        updated, fresh = f"d{number}", f"f{number}"
        for name, kind in ((updated, "old"), (fresh, "new")):
            ask("PUT", f"/deployments/{name}", json={"blueprint_id": f"{kind}{number}"})
            run(name, "install")
        before = {each["id"]: each for each in items(ask, "node-instances", updated)}
        record = update(ask, updated, blueprint_id=f"new{number}")
        assert record["state"] == "successful"
        assert describe(ask, updated) == describe(ask, fresh)
        changed_nodes = {step["entity_id"][1] for step in record["steps"] if step["entity_id"][0] == "nodes"}
        kinds = record["deployment_update_node_instances"]
        related = {
            each["id"] for kind, each_kind in kinds.items() if kind != "relationships_changed" for each in each_kind
        }
        contained = {each["id"] for each in before.values() if each["host_id"] or each["relationships"]}
        for each in items(ask, "node-instances", updated):
            if each["node_id"] not in changed_nodes and each["id"] not in related | contained:
                assert each == before[each["id"]]

    check()
