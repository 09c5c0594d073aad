"""`cfy deployments groups` against a real manager."""

import json
from pathlib import Path

import pytest

from cfy_cli.client import deployment_groups
from cfy_cli.client.collection import Collection, Item
from tests.conftest import Cfy

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {port: {type: integer, default: 80}}
node_templates: {a: {type: cloudify.nodes.Root}}
"""
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def group(cfy: Cfy, tmp_path: Path) -> Cfy:
    """A group `g` whose new deployments are of the blueprint `app`."""
    (tmp_path / "blueprint.yaml").write_text(BLUEPRINT)
    cfy(f"blueprints upload {tmp_path}/blueprint.yaml -b app")
    assert cfy("deployments groups create g -b app -i port=8080 --labels team:core") == "Group g created\n"
    return cfy


def test_group_says_what_it_contains(group: Cfy) -> None:
    assert group("deployments groups extend g --count 2") == "Group g updated. It now contains 2 deployments\n"
    group("deployments create one -b app --labels env:prod")
    assert "3 deployments" in group("deployments groups extend g -lr env=prod")
    [row] = json.loads(group("deployments groups list --json"))
    assert row == {"id": "g", "deployments": "3", "description": "", "default_blueprint_id": "app"} | row
    shown = json.loads(group("deployments get one --json"))
    assert [label["key"] for label in shown["labels"]] == ["env", "team"]
    group("deployments groups create h")
    group("deployments groups extend h --from-group g")
    shrunk = group("deployments groups shrink h -d one --filter-id csys-environment-filter")
    assert shrunk == (
        "Unlinked deployments one; given by filter csys-environment-filter. Group h now has 2 deployments\n"
    )
    assert group("deployments groups update g --description all") == "Group g updated\n"
    group("deployments groups update nosuch --description all", code=3)
    assert group("deployments groups delete h") == "Group h deleted\n"
    group("deployments groups extend g -d nosuch -d one", code=3)
    assert "`nosuch`" in group.errors
    group("deployments groups extend g --count 1 --into-environments h", code=2)
    group("deployments groups create none")
    group("deployments groups extend none --count 1", code=1)
    assert "cfy deployments groups update none -b BLUEPRINT" in group.errors


def test_new_deployments_go_into_environments(group: Cfy) -> None:
    for name in ("east", "west"):
        group(f"deployments create {name} -b app --labels csys-obj-type:environment")
    group("deployments create plain -b app")
    group("deployments groups create all")
    group("deployments groups extend all -ar blueprint_id=app")
    assert "2 deployments" in group("deployments groups extend g --into-environments all")
    inside = [json.loads(group(f"deployments list -lr csys-obj-parent={name} --json")) for name in ("east", "west")]
    assert [len(items) for items in inside] == [1, 1]
    assert inside[0][0]["display_name"] == f"app-{inside[0][0]['id']}"


def test_interrupted_extension_is_completed_by_the_same_command(group: Cfy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_groups, "BATCH", 2)
    patch, sent = Collection.patch, []

    def interrupted(self: Collection, key: str, **fields: object) -> Item:
        sent.append(fields)
        if len(sent) == 3:  # after one batch: the request before it only reads the group
            raise KeyboardInterrupt
        return patch(self, key, **fields)

    monkeypatch.setattr(Collection, "patch", interrupted)
    group("deployments groups extend g --count 5", code=130)
    assert "same command again creates the others" in group.errors
    assert "5 deployments" in group("deployments groups extend g --count 5")
    assert "Continuing the interrupted command: 2 of 5 deployments were created" in group.errors
    assert "10 deployments" in group("deployments groups extend g --count 5")


def test_refused_extension_is_not_continued(group: Cfy) -> None:
    group("deployments groups update g -i '{\"nosuch\": 1}'")
    group("deployments groups extend g --count 3", code=1)
    assert "nosuch" in group.errors
    group("deployments groups update g -i '{}'")
    group("deployments groups extend g --count 3")
    assert "Continuing" not in group.errors
