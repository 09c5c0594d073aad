"""The Python module `cloudify` that scripts import."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import cfy_cli.manager.engine
from tests.engine.deployment import node, operation, relationship

MODULES = Path(cfy_cli.manager.engine.__file__).parent / "python"


@pytest.fixture
def script(deployment):
    """Return a function that runs Python as `create` of `a`, or as `establish` of `a` and `db`."""

    def run(text, relation=False, **inputs):
        run_script = operation("s.py", **inputs)
        nodes = [
            node("db", properties={"port": 5432}),
            node(
                "a",
                {} if relation else {"create": run_script},
                properties={"color": "red", "list": [1]},
                types=("w.N",),
                to=(relationship("db", "w.to", source={"establish": run_script} if relation else None),),
            ),
        ]
        deployed = deployment(*nodes).script("s.py", "from cloudify import ctx\n" + text).script("res.txt", "text\n")
        deployed.result = deployed.run("install")
        return deployed

    return run


def evaluate(script, expression, **more):
    deployed = script(f"ctx.logger.info('%r', {expression})", **more)
    assert deployed.result.state == "terminated", deployed.result
    return deployed.logs[-1]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("ctx.node.id", "'a'"),
        ("ctx.node.type", "'w.N'"),
        ("ctx.node.type_hierarchy", "['cloudify.nodes.Root', 'w.N']"),
        ("ctx.node.properties['color']", "'red'"),
        ("dict(ctx.node.properties)", "{'color': 'red', 'list': [1]}"),
        ("ctx.node.properties.get('none', 1)", "1"),
        ("ctx.node.number_of_instances", "1"),
        ("ctx.instance.id", "'a_1'"),
        ("ctx.instance.index", "1"),
        ("ctx.instance.runtime_properties", "{}"),
        (
            "[(r.type, r.type_hierarchy[-1], r.target.instance.id, r.target.node.id, r.target.node.properties['port'])"
            " for r in ctx.instance.relationships]",
            "[('w.to', 'w.to', 'db_1', 'db', 5432)]",
        ),
        ("ctx.type", "'node-instance'"),
        ("ctx.execution_id", "'exec'"),
        ("ctx.workflow_id", "'install'"),
        ("ctx.tenant_name", "'default_tenant'"),
        ("ctx.tenant['name']", "'default_tenant'"),
        ("ctx.blueprint.id", "'bp'"),
        ("ctx.deployment.id", "'dep'"),
        ("ctx.deployment.display_name", "'The deployment'"),
        ("ctx.deployment.creator", "'admin'"),
        ("ctx.operation.name", "'cloudify.interfaces.lifecycle.create'"),
        ("ctx.operation.retry_number", "0"),
        ("ctx.operation.max_retries", "0"),
        ("ctx.plugin.name", "'script'"),
        ("ctx.get_resource('res.txt')", "b'text\\n'"),
        ("open(ctx.download_resource('res.txt')).read()", "'text\\n'"),
        ("open(ctx.download_directory('.') + '/res.txt').read()", "'text\\n'"),
        ("ctx._context['node_id']", "'a_1'"),
        ("ctx._context['blueprint_id']", "'bp'"),
        ("ctx.agent.init_script()", "None"),
        ("ctx.bootstrap_context.cloudify_agent.user", "None"),
        ("ctx.get_config()", "[]"),
        ("ctx.rest_host", "['127.0.0.1']"),
        ("(ctx.timeout, ctx.timeout_recoverable)", "(None, False)"),
        ("ctx.sync_deployment_workdir().__enter__()", "None"),
        ("ctx.get_managers()[0]['public_ip']", "'127.0.0.1'"),
        ("ctx.capabilities.get_all()", "{'db_1': {}}"),
        ("__import__('cloudify.state', fromlist=['x']).ctx_parameters['word']", "'given'"),
        ("__import__('cloudify.state', fromlist=['x']).ctx_parameters.word", "'given'"),
        ("hasattr(ctx, 'nonsense')", "False"),
    ],
)
def test_ctx_attribute_has_value(script, expression, value):
    assert evaluate(script, expression, word="given") == value


@pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        ("ctx.node.properties['new'] = 1", "NonRecoverableError", "properties of a node cannot be changed"),
        (
            "ctx._context['blueprint_id'] = 'another'; ctx.download_directory('.')",
            "HttpException",
            "404 (.) : The blueprint has no folder",
        ),
        ("ctx.get_resource('none.txt')", "HttpException", "404 (none.txt) : The blueprint has no file none.txt."),
        ("ctx.source", "NonRecoverableError", "Only an operation of a relationship has ctx.source."),
        ("ctx.instance.runtime_properties['none']", "KeyError", "'none'"),
        ("ctx.instance.host_ip", "NonRecoverableError", "a_1 is not hosted on anything"),
        (
            "ctx.instance.relationships[0].target.instance.runtime_properties['x'] = 1",
            "NonRecoverableError",
            "can be changed only by operations that run on it",
        ),
        (
            "ctx.instance.runtime_properties['x'] = {'y': [0, {1}]}",
            "NonRecoverableError",
            "Only what JSON can hold can be stored: x.y.1: Object of type set is not JSON serializable",
        ),
        ("ctx.returns(object())", "NonRecoverableError", "can be stored: Object of type object"),
        ("raise SystemExit(3)", "SystemExit", "The Python process ended with exit code 3"),
        ("assert ctx.node.id == 'b'", "AssertionError", "AssertionError `AssertionError`"),
        ("raise SystemExit('enough')", "SystemExit", "`enough`"),
    ],
)
def test_invalid_use_raises_error_with_message(script, statement, kind, message):
    error = script(statement).result.error
    assert kind in error
    assert message in error


def test_runtime_properties_are_stored_after_script(script):
    deployed = script(
        "ctx.instance.runtime_properties['one'] = {'tuple': (1, 2)}\nctx.instance.runtime_properties.update(two=2)"
    )
    assert deployed.properties("a_1") == {"one": {"tuple": [1, 2]}, "two": 2}


def test_runtime_properties_are_stored_after_failure(script):
    deployed = script("ctx.instance.runtime_properties['made'] = 'i-1'\nraise ValueError('after')")
    assert deployed.result.state == "failed"
    assert deployed.properties("a_1") == {"made": "i-1"}


def test_update_stores_nested_changes_and_removals(script, deployment):
    deployed = script(
        "p = ctx.instance.runtime_properties\np['m'] = {'k': [1]}; p['gone'] = 1\nctx.instance.update()\n"
        "p = ctx.instance.runtime_properties\np['m']['k'].append(2); del p['gone']\nctx.instance.update()\n"
        "ctx.logger.info('%s', ctx.instance.runtime_properties)"
    )
    assert deployed.logs == ["{'m': {'k': [1, 2]}}"]


def test_update_keeps_concurrent_changes(script):
    deployed = script(
        "import subprocess\nctx.instance.runtime_properties['mine'] = 1\n"
        "subprocess.check_call(['ctx', 'instance', 'runtime-properties', 'theirs', '@2'])\n"
    )
    assert deployed.properties("a_1") == {"mine": 1, "theirs": 2}


def test_update_merges_with_on_conflict(script):
    deployed = script(
        "import subprocess\nctx.instance.runtime_properties['n'] = 1\nctx.instance.update()\n"
        "ctx.instance.runtime_properties['n']\n"
        "subprocess.check_call(['ctx', 'instance', 'runtime-properties', 'n', '@5'])\n"
        "ctx.instance.update(on_conflict=lambda mine, latest: {'n': latest['n'] + 1})\n"
    )
    assert deployed.properties("a_1") == {"n": 6}


def test_refresh_needs_force_to_lose_changes(script):
    deployed = script(
        "ctx.instance.runtime_properties['x'] = 1\ntry: ctx.instance.refresh()\n"
        "except Exception as e: ctx.logger.info(type(e).__name__)\nctx.instance.refresh(force=True)"
    )
    assert deployed.logs == ["NonRecoverableError"]
    assert deployed.properties("a_1") == {}


def test_relationship_operation_accesses_both_ends(script):
    deployed = script(
        "ctx.source.instance.runtime_properties['py'] = 1\n"
        "ctx.target.instance.runtime_properties['py'] = [ctx.target.node.properties['port']]\n"
        "assert ctx._context['node_id'] == ctx.source._context['node_id'] != ctx.target._context['node_id']\n"
        "ctx.logger.info('%s %s', ctx.type, ctx.operation.relationship)\nctx.instance",
        relation=True,
    )
    assert "use ctx.source and ctx.target" in deployed.result.error
    assert deployed.logs == ["relationship-instance source"]
    assert deployed.properties("a_1") == {"py": 1}
    assert deployed.properties("db_1") == {"py": [5432]}


def test_logger_is_a_standard_logger(script):
    deployed = script(
        "import logging\nassert isinstance(ctx.logger, logging.Logger)\nctx.logger.warning('%d of %s', 1, 'two')\n"
        "try: 1/0\nexcept ZeroDivisionError: ctx.logger.exception('it went wrong')"
    )
    assert deployed.logs[0] == "1 of two"
    assert deployed.logs[1].startswith("it went wrong\nTraceback")
    levels = [event.level for event in deployed.records.events if event.message.startswith(("1 of two", "it went"))]
    assert levels == ["warning", "error"]


def test_returns_sets_operation_result(script):
    assert "Task succeeded 'script_runner.tasks.run' - {'x': 1}" in script("ctx.returns({'x': 1})").messages


def test_decorators_and_utilities_can_be_imported(script):
    deployed = script(
        "from cloudify.decorators import operation, workflow\nfrom cloudify.exceptions import *\n"
        "from cloudify.utils import LocalCommandRunner, id_generator, exception_to_error_cause\n"
        "@operation(resumable=True)\ndef one(**kwargs): return LocalCommandRunner().run('echo hi').std_out\n"
        "@operation\ndef two(**kwargs): return one()\nctx.logger.info('%s %s', two(), one.resumable)"
    )
    assert deployed.logs[-1] == "hi True"


def test_script_imports_module_from_its_folder(deployment):
    deployed = deployment(node("a", {"create": operation("scripts/s.py")}))
    deployed.script("scripts/s.py", "import beside").script(
        "scripts/beside.py", "from cloudify import ctx; ctx.logger.info('x')"
    )
    deployed.run("install")
    assert deployed.logs == ["x"]


def test_module_in_folder_of_script_hides_no_standard_module(deployment):
    deployed = deployment(node("a", {"create": operation("scripts/s.py")}))
    deployed.script("scripts/s.py", "import queue; print(queue.Queue.__name__)").script("scripts/queue.py", "1/0")
    deployed.run("install")
    assert deployed.logs == ["<out> Queue"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_script_can_use_multiprocessing(script, method):
    deployed = script(
        "import multiprocessing\ndef double(n): return 2 * n\nif __name__ == '__main__':\n"
        f"  with multiprocessing.get_context('{method}').Pool(1) as pool: print(pool.map(double, [1, 2]))"
    )
    assert deployed.result.state == "terminated", deployed.result
    assert deployed.logs == ["<out> [2, 4]"]


def test_download_target_is_relative_to_working_directory(script, tmp_path):
    deployed = script(
        f"import os; os.chdir({str(tmp_path)!r})\nprint(open(ctx.download_resource('res.txt', 'copy')).read())"
    )
    assert deployed.result.state == "terminated", deployed.result
    assert (tmp_path / "copy").read_text() == "text\n"


def test_chdir_maps_blueprint_folder_of_public_manager(script):
    deployed = script("import os; os.chdir('/opt/manager/resources/blueprints/default_tenant/bp')\nprint(os.listdir())")
    assert "res.txt" in deployed.logs[0]


def test_forked_child_does_not_end_operation(script):
    deployed = script("import os\nif os.fork() == 0: raise SystemExit(3)\nos.wait()\nctx.logger.info('parent')")
    assert deployed.result.state == "terminated"
    assert deployed.logs == ["parent"]


LEFT_BEHIND = """
import os, time
folder = {folder!r}
if os.fork() == 0:
    os.setsid()
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    ctx.instance.state  # opens a connection of its own
    open(folder + "/connected", "w").close()
    while not os.path.exists(folder + "/ended"):
        time.sleep(0.01)
    try:
        ctx.send_event("still here")
        answer = "answered"
    except Exception as error:
        answer = str(error)
    with open(folder + "/part", "w") as file:
        file.write(answer)
    os.rename(folder + "/part", folder + "/answer")
    os._exit(0)
while not os.path.exists(folder + "/connected"):
    time.sleep(0.01)
"""


def test_process_left_behind_cannot_call_ctx(script, tmp_path):
    deployed = script(LEFT_BEHIND.format(folder=str(tmp_path)))
    assert deployed.result.state == "terminated", deployed.result
    (tmp_path / "ended").touch()
    for _ in range(500):
        if (tmp_path / "answer").exists():
            break
        time.sleep(0.01)
    assert (tmp_path / "answer").read_text() == "The operation that this script belongs to has ended."
    assert "still here" not in deployed.messages


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("cloudify", {"logging", "subprocess", "traceback", "requests", "http.client"}),
        ("cloudify.workflow", {"subprocess", "requests", "http.client", "inspect"}),
    ],
)
def test_import_loads_no_slow_modules(module, slow):
    code = f"import sys, {module}; print({slow} & set(sys.modules))"
    completed = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(MODULES)}, capture_output=True, text=True, check=True
    )
    assert completed.stdout == "set()\n"


def test_use_outside_operation_raises_not_in_context():
    completed = subprocess.run(
        [sys.executable, "-c", "from cloudify import ctx; ctx.node"],
        env={"PYTHONPATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NotInContext: No operation is running: CTX_SOCKET_URL is not set." in completed.stderr
