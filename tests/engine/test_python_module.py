"""The Python module `cloudify` that scripts import."""

import subprocess
import sys
from pathlib import Path

import pytest

import cfy_cli.manager.engine
from tests.engine.deployment import node, operation, relationship

MODULES = Path(cfy_cli.manager.engine.__file__).parent / "python"


@pytest.fixture
def script(deployment):
    """Run Python as a create operation (as establish of `a` to `db` with `relation`) and give the deployment."""

    def run(text, relation=False, **inputs):
        one = operation("s.py", **inputs)
        nodes = [
            node("db", properties={"port": 5432}),
            node(
                "a",
                {} if relation else {"create": one},
                properties={"color": "red", "list": [1]},
                types=("w.N",),
                to=(relationship("db", "w.to", source={"establish": one} if relation else None),),
            ),
        ]
        made = deployment(*nodes).script("s.py", "from cloudify import ctx\n" + text).script("res.txt", "text\n")
        made.ending = made.run("install")
        return made

    return run


def says(script, expression, **more):
    made = script(f"ctx.logger.info('%r', {expression})", **more)
    assert made.ending.state == "terminated", made.ending
    return made.logs[-1]


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
def test_ctx_knows(script, expression, value):
    assert says(script, expression, word="given") == value


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
def test_what_cannot_be_is_an_error_that_says_so(script, statement, kind, message):
    error = script(statement).ending.error
    assert kind in error
    assert message in error


def test_runtime_properties_are_stored_when_the_script_ends(script):
    made = script(
        "ctx.instance.runtime_properties['one'] = {'tuple': (1, 2)}\nctx.instance.runtime_properties.update(two=2)"
    )
    assert made.properties("a_1") == {"one": {"tuple": [1, 2]}, "two": 2}


def test_they_are_stored_when_it_fails_too_so_that_it_can_be_cleaned_up(script):
    made = script("ctx.instance.runtime_properties['made'] = 'i-1'\nraise ValueError('after')")
    assert made.ending.state == "failed"
    assert made.properties("a_1") == {"made": "i-1"}


def test_changes_inside_values_and_removals_are_seen(script, deployment):
    made = script(
        "p = ctx.instance.runtime_properties\np['m'] = {'k': [1]}; p['gone'] = 1\nctx.instance.update()\n"
        "p = ctx.instance.runtime_properties\np['m']['k'].append(2); del p['gone']\nctx.instance.update()\n"
        "ctx.logger.info('%s', ctx.instance.runtime_properties)"
    )
    assert made.logs == ["{'m': {'k': [1, 2]}}"]


def test_update_keeps_what_others_stored_meanwhile(script):
    made = script(
        "import subprocess\nctx.instance.runtime_properties['mine'] = 1\n"
        "subprocess.check_call(['ctx', 'instance', 'runtime-properties', 'theirs', '@2'])\n"
    )
    assert made.properties("a_1") == {"mine": 1, "theirs": 2}


def test_update_may_merge_by_a_function(script):
    made = script(
        "import subprocess\nctx.instance.runtime_properties['n'] = 1\nctx.instance.update()\n"
        "ctx.instance.runtime_properties['n']\n"
        "subprocess.check_call(['ctx', 'instance', 'runtime-properties', 'n', '@5'])\n"
        "ctx.instance.update(on_conflict=lambda mine, latest: {'n': latest['n'] + 1})\n"
    )
    assert made.properties("a_1") == {"n": 6}


def test_refresh_refuses_to_lose_changes_unless_forced(script):
    made = script(
        "ctx.instance.runtime_properties['x'] = 1\ntry: ctx.instance.refresh()\n"
        "except Exception as e: ctx.logger.info(type(e).__name__)\nctx.instance.refresh(force=True)"
    )
    assert made.logs == ["NonRecoverableError"]
    assert made.properties("a_1") == {}


def test_both_ends_of_a_relationship(script):
    made = script(
        "ctx.source.instance.runtime_properties['py'] = 1\n"
        "ctx.target.instance.runtime_properties['py'] = [ctx.target.node.properties['port']]\n"
        "assert ctx._context['node_id'] == ctx.source._context['node_id'] != ctx.target._context['node_id']\n"
        "ctx.logger.info('%s %s', ctx.type, ctx.operation.relationship)\nctx.instance",
        relation=True,
    )
    assert "use ctx.source and ctx.target" in made.ending.error
    assert made.logs == ["relationship-instance source"]
    assert made.properties("a_1") == {"py": 1}
    assert made.properties("db_1") == {"py": [5432]}


def test_the_logger_is_an_ordinary_one(script):
    made = script(
        "import logging\nassert isinstance(ctx.logger, logging.Logger)\nctx.logger.warning('%d of %s', 1, 'two')\n"
        "try: 1/0\nexcept ZeroDivisionError: ctx.logger.exception('it went wrong')"
    )
    assert made.logs[0] == "1 of two"
    assert made.logs[1].startswith("it went wrong\nTraceback")
    levels = [event.level for event in made.records.events if event.message.startswith(("1 of two", "it went"))]
    assert levels == ["warning", "error"]


def test_returns_sets_operation_result(script):
    assert "Task succeeded 'script_runner.tasks.run' - {'x': 1}" in script("ctx.returns({'x': 1})").messages


def test_operations_written_as_functions_import_as_they_do_elsewhere(script):
    made = script(
        "from cloudify.decorators import operation, workflow\nfrom cloudify.exceptions import *\n"
        "from cloudify.utils import LocalCommandRunner, id_generator, exception_to_error_cause\n"
        "@operation(resumable=True)\ndef one(**kwargs): return LocalCommandRunner().run('echo hi').std_out\n"
        "@operation\ndef two(**kwargs): return one()\nctx.logger.info('%s %s', two(), one.resumable)"
    )
    assert made.logs[-1] == "hi True"


def test_modules_beside_a_script_can_be_imported(deployment):
    made = deployment(node("a", {"create": operation("scripts/s.py")}))
    made.script("scripts/s.py", "import beside").script(
        "scripts/beside.py", "from cloudify import ctx; ctx.logger.info('x')"
    )
    made.run("install")
    assert made.logs == ["x"]


def test_no_module_beside_a_script_hides_one_of_python(deployment):
    made = deployment(node("a", {"create": operation("scripts/s.py")}))
    made.script("scripts/s.py", "import queue; print(queue.Queue.__name__)").script("scripts/queue.py", "1/0")
    made.run("install")
    assert made.logs == ["<out> Queue"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_script_may_start_processes_that_know_its_functions(script, method):
    made = script(
        "import multiprocessing\ndef double(n): return 2 * n\nif __name__ == '__main__':\n"
        f"  with multiprocessing.get_context('{method}').Pool(1) as pool: print(pool.map(double, [1, 2]))"
    )
    assert made.ending.state == "terminated", made.ending
    assert made.logs == ["<out> [2, 4]"]


def test_a_target_leads_from_where_the_script_is(script, tmp_path):
    made = script(
        f"import os; os.chdir({str(tmp_path)!r})\nprint(open(ctx.download_resource('res.txt', 'copy')).read())"
    )
    assert made.ending.state == "terminated", made.ending
    assert (tmp_path / "copy").read_text() == "text\n"


def test_the_folder_a_manager_keeps_blueprints_in_is_found_here(script):
    made = script("import os; os.chdir('/opt/manager/resources/blueprints/default_tenant/bp')\nprint(os.listdir())")
    assert "res.txt" in made.logs[0]


def test_only_the_script_itself_ends_the_operation_not_a_child_it_forked(script):
    made = script("import os\nif os.fork() == 0: raise SystemExit(3)\nos.wait()\nctx.logger.info('parent')")
    assert made.ending.state == "terminated"
    assert made.logs == ["parent"]


def test_importing_it_loads_nothing_slow():
    slow = {"logging", "subprocess", "traceback", "requests"}
    code = f"import sys; from cloudify import ctx; print({slow} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(MODULES)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_without_an_operation_it_says_so():
    done = subprocess.run(
        [sys.executable, "-c", "from cloudify import ctx; ctx.node"],
        env={"PYTHONPATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "NotInContext: No operation is running: CTX_SOCKET_URL is not set." in done.stderr
