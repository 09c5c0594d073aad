"""The workflow scale: instances, their numbers, and rollback after a failure."""

import pytest

from tests.engine import cluster
from tests.engine.deployment import Deployment


@pytest.fixture
def installed(tmp_path):
    deployment = cluster.create(tmp_path)
    deployment.run("install")
    return deployment


def scale(installed: Deployment, name: str, delta: object, **more: object):
    return installed.run("scale", scalable_entity_name=name, delta=delta, **more)


def counts(installed: Deployment, name: str) -> tuple[int, int]:
    group = installed.plan["scaling_groups"].get(name)
    entity = group or installed.records.nodes[name]["capabilities"]["scalable"]
    return entity["properties"]["current_instances"], entity["properties"]["planned_instances"]


def indexes(installed: Deployment, name: str) -> list[int]:
    return [installed.records.instance(instance_id).index for instance_id in installed.ids(name)]


def test_scale_out_installs_new_instances_only(installed):
    app = installed.ids("app")[0]
    assert scale(installed, "grp", 2).state == "terminated"
    assert installed.states("app") == ["started"] * 3
    assert indexes(installed, "app") == [1, 2, 3]
    assert counts(installed, "grp") == (3, 3)
    assert installed.events_of(app) == []
    assert installed.messages[1].startswith("Scaling grp from 1 to 3: adding app_")


def test_scale_out_does_not_reuse_indexes(installed):
    scale(installed, "grp", 2)
    scale(installed, "grp", -1, include_instances=installed.ids("app")[1])
    scale(installed, "grp", 1)
    assert indexes(installed, "app") == [1, 3, 4]


def test_scale_out_adds_relationships_to_existing_instances(installed):
    assert scale(installed, "db", 1).state == "terminated"
    app, (_, second) = installed.ids("app")[0], installed.ids("db")
    assert installed.events_of(app) == ["ran relationship_lifecycle.establish"]
    targets = [relationship["target_id"] for relationship in installed.records.instance(app).relationships]
    assert targets == [*installed.ids("host"), *installed.ids("db")]
    assert installed.index_of(f"Subgraph succeeded 'install_{second}'") < installed.index_of(
        f"Subgraph started 'stub_{app}'"
    )


def test_scale_in_removes_newest_instances_first(installed):
    scale(installed, "db", 2)
    first, second, third = installed.ids("db")
    assert scale(installed, "db", -2).state == "terminated"
    assert installed.ids("db") == [first]
    assert counts(installed, "db") == (1, 1)
    app = installed.ids("app")[0]
    assert [relationship["target_id"] for relationship in installed.records.instance(app).relationships] == [
        installed.ids("host")[0],
        first,
    ]
    assert installed.events_of(second)[-1] == installed.events_of(third)[-1] == "Deleted node instance"


def test_scale_in_includes_and_excludes_named_instances(installed):
    scale(installed, "grp", 3)
    first, second, third, fourth = installed.ids("app")
    assert scale(installed, "grp", -1, include_instances=first).state == "terminated"
    assert installed.ids("app") == [second, third, fourth]
    assert scale(installed, "grp", -2, exclude_instances=[fourth]).state == "terminated"
    assert installed.ids("app") == [fourth]


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"include_instances": ["no"]}, "The following included instances did not exist: no. Groups and member"),
        ({"exclude_instances": "no"}, "The following excluded instances did not exist: no. Groups and member"),
        ({"include_instances": "APP", "exclude_instances": "APP"}, "instances were both excluded and included: app_"),
        ({"exclude_instances": "APP"}, "1 instances of grp are excluded, but only 0 are to remain."),
        ({"include_instances": "APP", "scale_compute": True}, "cannot be included or excluded with scale_compute"),
    ],
)
def test_scale_in_rejects_wrong_instance_names(installed, parameters, error):
    app = installed.ids("app")[0]
    arguments = {key: app if value == "APP" else value for key, value in parameters.items()}
    result = scale(installed, "grp", -1, **arguments)
    assert error in result.error
    assert installed.states("app") == ["started"]


def test_scale_out_rejects_instance_names(installed):
    assert "when scaling up" in scale(installed, "grp", 1, include_instances=installed.ids("app")).error


@pytest.mark.parametrize(
    ("name", "delta", "error"),
    [
        ("sc", 1, "No scalable entity named sc was found. The scalable entities are app, db, grp, host."),
        ("db", -5, "Provided delta: -5 is illegal. current number of instances of entity db is 1"),
        ("db", 3, "db cannot have 4 instances: its max_instances is 3, and there are 1 now."),
        ("grp", 4, "grp cannot have 5 instances: its max_instances is 4, and there are 1 now."),
        ("grp", "many", "The delta parameter must be a number. Got: many"),
    ],
)
def test_scale_rejects_invalid_entity_or_delta(installed, name, delta, error):
    before = installed.records.instances()
    result = scale(installed, name, delta)
    assert (result.state, result.error) == ("failed", error)
    assert installed.records.instances() == before


def test_scale_with_delta_zero_does_nothing(installed):
    assert scale(installed, "grp", 0).state == "terminated"
    assert "delta parameter is 0, so no scaling will take place." in installed.messages


def test_scale_compute_scales_host_and_contained_instances(installed):
    assert scale(installed, "app", 1, scale_compute=True).state == "terminated"
    assert installed.states("host") == installed.states("app") == ["started"] * 2
    assert counts(installed, "host") == (2, 2)
    hosts = {installed.records.instance(instance_id).host_id for instance_id in installed.ids("app")}
    assert hosts == set(installed.ids("host"))


def fail_new_instances(installed: Deployment, operation: str, times: int = 1) -> None:
    """Let the operation fail on instances that are created from now on."""
    installed.records.on_emit = lambda event: (
        installed.records.update_instance(event.node_instance_id, runtime_properties={"fails": operation})
        if event.message == "Creating node instance" and event.node_instance_id in installed.ids("app")[2:]
        else None
    )


def test_failed_scale_out_is_rolled_back(installed):
    fail_new_instances(installed, "start")
    result = scale(installed, "grp", 2)
    assert result.state == "failed"
    assert "cannot start" in result.error
    assert "Scale out failed, scaling back in." in installed.messages
    assert len(installed.ids("app")) == 1
    assert counts(installed, "grp") == (1, 1)
    assert sum(message == "Deleting node instance" for message in installed.messages) == 2


def test_failed_scale_out_is_removed_by_abort_started(installed):
    fail_new_instances(installed, "start")
    assert scale(installed, "grp", 2, rollback_if_failed=False).state == "failed"
    assert counts(installed, "grp") == (1, 3)
    assert len(installed.ids("app")) == 3
    installed.records.on_emit = lambda event: None
    assert "has not finished" in scale(installed, "grp", 1).error
    assert scale(installed, "grp", 1, abort_started=True, ignore_failure=True).state == "terminated"
    assert installed.states("app") == ["started"] * 2
    assert counts(installed, "grp") == (2, 2)
    assert indexes(installed, "app")[0] == 1


def test_failed_scale_in_keeps_instances(installed):
    scale(installed, "db", 1)
    installed.records.update_instance(installed.ids("db")[1], runtime_properties={"fails": "stop"})
    assert scale(installed, "db", -1).state == "failed"
    assert len(installed.ids("db")) == 2
    assert counts(installed, "db") == (2, 2)
    assert scale(installed, "db", -1, ignore_failure=True).state == "terminated"
    assert len(installed.ids("db")) == 1


def test_scale_dry_run_logs_changes_only(installed):
    before = installed.records.instances()
    assert scale(installed, "grp", 1, dry_run=True).state == "terminated"
    assert installed.messages[1].startswith("Scaling grp from 1 to 2: adding app_")
    assert scale(installed, "grp", -1, dry_run=True).state == "terminated"
    assert "Subgraph started" in "".join(installed.messages)
    assert installed.records.instances() == before
    assert counts(installed, "grp") == (1, 1)
    assert installed.records.decisions == {}


def test_recovered_scale_out_adds_no_instance_twice(installed):
    """The workflow runs again, as after a crash of its worker, and finds its decision."""
    scale(installed, "grp", 1)
    decided, ids = dict(installed.records.decisions), installed.ids("app")
    installed.records.decisions = type("Kept", (dict,), {"clear": lambda self: None})(decided)
    assert scale(installed, "grp", 1).state == "terminated"
    assert installed.ids("app") == ids
    assert counts(installed, "grp") == (2, 2)


def test_rolled_back_scale_out_cannot_be_resumed(installed):
    fail_new_instances(installed, "start")
    scale(installed, "grp", 2)
    decisions = dict(installed.records.decisions)
    installed.records.decisions = type("Kept", (dict,), {"clear": lambda self: None})(decisions)
    assert scale(installed, "grp", 2).error.startswith("This scaling failed and was undone")
