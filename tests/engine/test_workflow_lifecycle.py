"""The functions of `cloudify.plugins`, and modifications of the deployment, in workflows in Python."""

import textwrap
from pathlib import Path

from cfy_cli.manager.engine.ports import WorkflowResult
from tests.engine import cluster
from tests.engine.deployment import Deployment
from tests.engine.python_workflow import HEAD, RUN_SCRIPT

SELECTED = """
from cloudify.plugins import lifecycle
selected = {item for item in ctx.node_instances if item.node_id in parameters.selected}
related = set(ctx.node_instances) - selected
"""


def cluster_flow(folder: Path, script: str) -> Deployment:
    deployed = cluster.create(folder)
    deployed.plan["workflows"]["flow"] = {**RUN_SCRIPT, "parameters": {"script_path": {"default": "flow.py"}}}
    return deployed.script("flow.py", HEAD + SELECTED + textwrap.dedent(script))


def test_lifecycle_functions_run_like_built_in_workflows(tmp_path: Path):
    deployed = cluster_flow(tmp_path, "lifecycle.install_node_instances(ctx.graph_mode(), selected, related)")
    assert deployed.run("flow", selected=["host", "db", "app"]) == WorkflowResult("terminated")
    by_instance = {instance_id: deployed.events_of(instance_id) for instance_id in deployed.records._instances}
    (tmp_path / "other").mkdir()
    other = cluster.create(tmp_path / "other")
    assert other.run("install") == WorkflowResult("terminated")
    names = {instance.node_id: instance.id for instance in other.records.instances()}
    for item in deployed.records.instances():
        assert by_instance[item.id] == other.events_of(names[item.node_id])
        assert item.state == "started"
    deployed.script(
        "flow.py", HEAD + SELECTED + "lifecycle.reinstall_node_instances(ctx.graph_mode(), selected, False, related)"
    )
    assert deployed.run("flow", selected=["db"]) == WorkflowResult("terminated")
    assert deployed.events_of(deployed.ids("app")[0]) == [
        "ran relationship_lifecycle.unlink",
        "ran relationship_lifecycle.establish",
    ]
    deployed.script("flow.py", HEAD + SELECTED + "lifecycle.reinstall_node_instances(ctx.graph_mode(), selected)")
    assert deployed.run("flow", selected=["db"]) == WorkflowResult("terminated")
    assert deployed.events_of(deployed.ids("app")[0]) == [], "instances that are not passed stay as they are"
    deployed.script("flow.py", HEAD + SELECTED + "lifecycle.uninstall_node_instances(ctx.graph_mode(), selected, True)")
    assert deployed.run("flow", selected=["db", "app"]) == WorkflowResult("terminated")
    assert [deployed.states(name) for name in ("db", "app", "host")] == [["deleted"], ["deleted"], ["started"]]


def test_instance_subgraphs_are_tasks_of_a_graph(tmp_path: Path):
    deployed = cluster_flow(
        tmp_path,
        """
        graph = ctx.graph_mode()
        host, app = ([item for item in selected if item.node_id == name][0] for name in ("host", "app"))
        first = lifecycle.install_node_instance_subgraph(host, graph)
        second = lifecycle.reinstall_node_instance_subgraph(app, graph)
        graph.add_dependency(first, second)
        graph.execute()
        """,
    )
    assert deployed.run("flow", selected=["host", "app"]) == WorkflowResult("terminated")
    host, app = deployed.ids("host")[0], deployed.ids("app")[0]
    assert (deployed.state(host), deployed.state(app)) == ("started", "started")
    assert deployed.index_of(f"Subgraph succeeded 'reinstall_{app}'") < deployed.index_of(
        f"Subgraph started 'install_{host}'"
    )


SCALED = """
from cloudify.plugins import lifecycle
graph = ctx.graph_mode()
modification = ctx.deployment.start_modification({"db": {"instances": parameters.number}})
added = {item for item in modification.added.node_instances if item.modification == "added"}
removed = {item for item in modification.removed.node_instances if item.modification == "removed"}
related = set(modification.added.node_instances) - added
ctx.logger.info("%d added, %d removed, related %s", len(added), len(removed), sorted(item.node_id for item in related))
assert [item.id for item in ctx.deployment.list_started_modifications()] == [modification.id]
if parameters.get("rollback"):
    modification.rollback()
else:
    if added:
        lifecycle.install_node_instances(graph, added, related)
    if removed:
        lifecycle.uninstall_node_instances(graph, removed, False)
    modification.finish()
ctx.refresh_node_instances()
ctx.logger.info("%d there, %d counted", len(list(ctx.get_node("db").instances)), ctx.get_node("db").number_of_instances)
"""


def test_modification_adds_removes_and_rolls_back(tmp_path: Path):
    deployed = cluster_flow(tmp_path, "")
    assert deployed.run("install") == WorkflowResult("terminated")
    deployed.script("flow.py", HEAD + SCALED)
    assert deployed.run("flow", number=3, rollback=True) == WorkflowResult("terminated")
    assert deployed.logs == ["2 added, 0 removed, related ['app']", "1 there, 1 counted"]
    assert deployed.run("flow", number=3) == WorkflowResult("terminated")
    assert deployed.logs[0 :: len(deployed.logs) - 1] == ["2 added, 0 removed, related ['app']", "3 there, 3 counted"]
    assert deployed.states("db") == ["started"] * 3
    assert deployed.run("flow", number=1) == WorkflowResult("terminated")
    assert (deployed.logs[0], deployed.logs[-1]) == ("0 added, 2 removed, related []", "1 there, 1 counted")
    assert deployed.states("db") == ["started"]


def test_built_in_workflows_run_as_parts(tmp_path: Path):
    deployed = cluster_flow(
        tmp_path,
        """
        from cloudify.plugins.workflows import execute_operation, install, scale_entity
        install(ctx)
        execute_operation(ctx, "w.ops.echo", None, None, False, [], ["db"], [])
        scale_entity(ctx, "db", 1)
        scale_entity(ctx, "db", "+1")
        try:
            execute_operation(ctx, "w.ops.none")
        except Exception as error:
            ctx.logger.info("caught %s", error)
        """,
    )
    assert deployed.run("flow", selected=[]) == WorkflowResult("terminated")
    assert deployed.states("db") == ["started"] * 3
    assert deployed.logs[-1].startswith("caught None of the selected node instances has the operation w.ops.none")
