"""The calls that operations elsewhere make to the manager: counted, so that they do not become more."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.engine.deployment import Deployment, node, operation, relationship

if TYPE_CHECKING:
    from tests.engine.celery_executor import CeleryStories

pytestmark = pytest.mark.process
READ_AND_WRITE = "#!/bin/bash\nctx node id; ctx instance runtime-properties a; ctx instance runtime-properties b 1\n"
PYTHON = """
from cloudify import ctx
ctx.instance.runtime_properties["seen"] = [ctx.node.id, ctx.node.properties["p"], ctx.node.number_of_instances]
"""
LINKED = "#!/bin/bash\nctx source node id; ctx target instance runtime-properties b; ctx source instance index\n"


@pytest.mark.parametrize("executor", ["celery"], indirect=True)
def test_operation_makes_as_few_calls_as_it_can(deployment: Callable[..., Deployment], celery_stories: "CeleryStories"):
    function = {"word": {"get_property": ["SELF", "p"]}, "other": {"get_attribute": ["SELF", "b"]}}
    deployed = deployment(
        node("a", {
            "create": operation(source="#!/bin/bash\ntrue"),
            "configure": operation(source=READ_AND_WRITE),
            "start": operation(source=PYTHON),
            "poststart": operation(source=READ_AND_WRITE, **function),
        }, properties={"p": 1}),
        node("b", to=(relationship("a", source={"establish": operation(source=LINKED)}),)),
    )  # fmt: skip
    calls = celery_stories.server.calls
    calls.clear()
    ended = deployed.run("install")
    assert ended.state == "terminated", deployed.messages[-9:]
    assert deployed.records.instance("a_1").runtime_properties["seen"] == ["a", 1, 1]
    counted: dict[str, list[str]] = {}
    for operation_id, method in calls:
        counted.setdefault(operation_id, []).append(method)
    assert sorted(counted.values()) == [
        ["prepare"],  # the operation of the relationship, which reads
        ["prepare", "update_instance"],
        ["prepare", "update_instance"],  # in Python
        ["prepare", "update_instance"],  # with functions in its inputs
    ]


@pytest.mark.parametrize("executor", ["celery"], indirect=True)
def test_failure_of_an_operation_is_remembered(deployment: Callable[..., Deployment], celery_stories: "CeleryStories"):
    """An engine that has lost the end of an operation asks for it, and does not run a failure again."""
    celery_stories.server.records.clear()
    failed = deployment(node("a", {"create": operation(source="#!/bin/bash\nexit 3")})).run("install")
    assert failed.state == "failed"
    [found] = celery_stories.client.find([*celery_stories.server.records]).values()
    assert found["number"] == 0
    assert "exit_code: 3" in str(found["outcome"])
