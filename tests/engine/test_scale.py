"""scale: instances come and go, in numbers that are kept; what fails is undone."""

import pytest

from tests.engine import cluster
from tests.engine.deployment import Deployment


@pytest.fixture
def made(tmp_path):
    made = cluster.create(tmp_path)
    made.run("install")
    return made


def scale(made: Deployment, name: str, delta: object, **more: object):
    return made.run("scale", scalable_entity_name=name, delta=delta, **more)


def counts(made: Deployment, name: str) -> tuple[int, int]:
    group = made.plan["scaling_groups"].get(name)
    about = group or made.records.nodes[name]["capabilities"]["scalable"]
    return about["properties"]["current_instances"], about["properties"]["planned_instances"]


def indexes(made: Deployment, name: str) -> list[int]:
    return [made.records.instance(one).index for one in made.ids(name)]


def test_more_instances_are_installed_beside_those_there(made):
    app = made.ids("app")[0]
    assert scale(made, "grp", 2).state == "terminated"
    assert made.states("app") == ["started"] * 3
    assert indexes(made, "app") == [1, 2, 3]
    assert counts(made, "grp") == (3, 3)
    assert made.events_of(app) == []
    assert made.messages[1].startswith("Scaling grp from 1 to 3: adding app_")


def test_indexes_go_on_after_those_that_are_gone(made):
    scale(made, "grp", 2)
    scale(made, "grp", -1, include_instances=made.ids("app")[1])
    scale(made, "grp", 1)
    assert indexes(made, "app") == [1, 3, 4]


def test_those_there_relate_to_the_new_ones(made):
    assert scale(made, "db", 1).state == "terminated"
    app, (_, second) = made.ids("app")[0], made.ids("db")
    assert made.events_of(app) == ["ran relationship_lifecycle.establish"]
    targets = [each["target_id"] for each in made.records.instance(app).relationships]
    assert targets == [*made.ids("host"), *made.ids("db")]
    assert made.index_of(f"Subgraph succeeded 'install_{second}'") < made.index_of(f"Subgraph started 'stub_{app}'")


def test_fewer_instances_are_uninstalled_the_newest_first(made):
    scale(made, "db", 2)
    first, second, third = made.ids("db")
    assert scale(made, "db", -2).state == "terminated"
    assert made.ids("db") == [first]
    assert counts(made, "db") == (1, 1)
    app = made.ids("app")[0]
    assert [each["target_id"] for each in made.records.instance(app).relationships] == [made.ids("host")[0], first]
    assert made.events_of(second)[-1] == made.events_of(third)[-1] == "Deleted node instance"


def test_instances_may_be_named_to_go_or_to_stay(made):
    scale(made, "grp", 3)
    first, second, third, fourth = made.ids("app")
    assert scale(made, "grp", -1, include_instances=first).state == "terminated"
    assert made.ids("app") == [second, third, fourth]
    assert scale(made, "grp", -2, exclude_instances=[fourth]).state == "terminated"
    assert made.ids("app") == [fourth]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"include_instances": ["no"]}, "The following included instances did not exist: no. Groups and member"),
        ({"exclude_instances": "no"}, "The following excluded instances did not exist: no. Groups and member"),
        ({"include_instances": "APP", "exclude_instances": "APP"}, "instances were both excluded and included: app_"),
        ({"exclude_instances": "APP"}, "1 instances of grp are excluded, but only 0 are to remain."),
        ({"include_instances": "APP", "scale_compute": True}, "cannot be included or excluded with scale_compute"),
    ],
)
def test_what_is_wrong_with_named_instances_is_told(made, parameters, said):
    app = made.ids("app")[0]
    given = {key: app if value == "APP" else value for key, value in parameters.items()}
    ending = scale(made, "grp", -1, **given)
    assert said in ending.error
    assert made.states("app") == ["started"]


def test_naming_instances_makes_no_sense_when_some_are_added(made):
    assert "when scaling up" in scale(made, "grp", 1, include_instances=made.ids("app")).error


@pytest.mark.parametrize(
    ("name", "delta", "said"),
    [
        ("sc", 1, "No scalable entity named sc was found. The scalable entities are app, db, grp, host."),
        ("db", -5, "Provided delta: -5 is illegal. current number of instances of entity db is 1"),
        ("db", 3, "db cannot have 4 instances: its max_instances is 3, and there are 1 now."),
        ("grp", 4, "grp cannot have 5 instances: its max_instances is 4, and there are 1 now."),
        ("grp", "many", "The delta parameter must be a number. Got: many"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(made, name, delta, said):
    before = made.records.instances()
    ending = scale(made, name, delta)
    assert (ending.state, ending.error) == ("failed", said)
    assert made.records.instances() == before


def test_nothing_happens_by_a_delta_of_zero(made):
    assert scale(made, "grp", 0).state == "terminated"
    assert "delta parameter is 0, so no scaling will take place." in made.messages


def test_the_host_may_be_scaled_with_all_that_is_in_it(made):
    assert scale(made, "app", 1, scale_compute=True).state == "terminated"
    assert made.states("host") == made.states("app") == ["started"] * 2
    assert counts(made, "host") == (2, 2)
    hosts = {made.records.instance(one).host_id for one in made.ids("app")}
    assert hosts == set(made.ids("host"))


def _fail(made: Deployment, verb: str, times: int = 1) -> None:
    """Let the operation fail on instances that are made now."""
    made.records.on_emit = lambda event: (
        made.records.update_instance(event.node_instance_id, runtime_properties={"fails": verb})
        if event.message == "Creating node instance" and event.node_instance_id in made.ids("app")[2:]
        else None
    )


def test_what_fails_to_grow_is_taken_back_whole(made):
    _fail(made, "start")
    ending = scale(made, "grp", 2)
    assert ending.state == "failed"
    assert "cannot start" in ending.error
    assert "Scale out failed, scaling back in." in made.messages
    assert len(made.ids("app")) == 1
    assert counts(made, "grp") == (1, 1)
    assert sum(message == "Deleting node instance" for message in made.messages) == 2


def test_what_fails_to_grow_may_be_left_and_dropped_later(made):
    _fail(made, "start")
    assert scale(made, "grp", 2, rollback_if_failed=False).state == "failed"
    assert counts(made, "grp") == (1, 3)
    assert len(made.ids("app")) == 3
    made.records.on_emit = lambda event: None
    assert "has not finished" in scale(made, "grp", 1).error
    assert scale(made, "grp", 1, abort_started=True, ignore_failure=True).state == "terminated"
    assert made.states("app") == ["started"] * 2
    assert counts(made, "grp") == (2, 2)
    assert indexes(made, "app")[0] == 1


def test_what_fails_to_shrink_stays_and_is_counted(made):
    scale(made, "db", 1)
    made.records.update_instance(made.ids("db")[1], runtime_properties={"fails": "stop"})
    assert scale(made, "db", -1).state == "failed"
    assert len(made.ids("db")) == 2
    assert counts(made, "db") == (2, 2)
    assert scale(made, "db", -1, ignore_failure=True).state == "terminated"
    assert len(made.ids("db")) == 1


def test_a_dry_run_says_what_it_would_do(made):
    before = made.records.instances()
    assert scale(made, "grp", 1, dry_run=True).state == "terminated"
    assert made.messages[1].startswith("Scaling grp from 1 to 2: adding app_")
    assert scale(made, "grp", -1, dry_run=True).state == "terminated"
    assert "Subgraph started" in "".join(made.messages)
    assert made.records.instances() == before
    assert counts(made, "grp") == (1, 1)
    assert made.records.decisions == {}


def test_a_scaling_that_goes_on_adds_nothing_twice(made):
    """As after the death of a worker: the workflow is run again and finds what it has decided."""
    scale(made, "grp", 1)
    decided, ids = dict(made.records.decisions), made.ids("app")
    made.records.decisions = type("Kept", (dict,), {"clear": lambda self: None})(decided)
    assert scale(made, "grp", 1).state == "terminated"
    assert made.ids("app") == ids
    assert counts(made, "grp") == (2, 2)


def test_a_scaling_that_was_undone_is_not_resumed(made):
    _fail(made, "start")
    scale(made, "grp", 2)
    kept = dict(made.records.decisions)
    made.records.decisions = type("Kept", (dict,), {"clear": lambda self: None})(kept)
    assert scale(made, "grp", 2).error.startswith("This scaling failed and was undone")
