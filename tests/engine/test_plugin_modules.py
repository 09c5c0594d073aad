"""Modules that the code of plugins uses: processes that it starts, proxies of ctx, and stand-ins for tests."""

import email
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment, node, operation
from tests.engine.test_public_names import MODULES

Script = Callable[..., Deployment]


@pytest.fixture
def script(deployment: Callable[..., Deployment]) -> Script:
    """Return a function that runs Python as `create` of `a`, which has scripts and properties."""

    def run(text: str, **files: str) -> Deployment:
        deployed = deployment(node("a", {"create": operation("s.py")}, properties={"color": "red", "list": [{"x": 1}]}))
        deployed.script("s.py", f"from cloudify import ctx\n{text}")
        for name, content in files.items():
            deployed.script(name.replace("_", "."), content)
        deployed.result = deployed.run("install")
        return deployed

    return run


def run_python(text: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text],
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(MODULES)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plugin_runs_script_of_the_blueprint(script: Script):
    deployed = script(
        "from script_runner.tasks import run\n"
        "ctx.instance.runtime_properties['result'] = run('own.sh', process={'args': ['one two']}, word={'a': True})",
        own_sh="#!/bin/bash\necho $1 $word\nctx instance runtime-properties here.b[0] 1 2>/dev/null || echo refused\n"
        "ctx instance runtime-properties here @5\nctx returns $(ctx node properties list[0].x)\n",
    )
    assert deployed.result.state == "terminated", deployed.result
    assert deployed.properties("a_1") == {"here": 5, "result": "1"}
    assert [log for log in deployed.logs if log.startswith("<out>")] == ['<out> one {"a": true}', "<out> refused"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("exit 3", "ProcessException: command: "),
        ("ctx abort-operation enough", "NonRecoverableError: enough"),
        ("ctx returns 1; ctx returns 2; exit 0", "NonRecoverableError: A script may return, abort or ask for"),
        ("ctx logger nothing x || exit 0; exit 1", "ok"),
    ],
)
def test_plugin_sees_how_script_ends(script: Script, source: str, error: str):
    deployed = script(
        "from script_runner.tasks import run\n"
        f"try:\n  run(script_source='#!/bin/bash\\n{source}')\n  ctx.logger.info('ok')\n"
        "except Exception as error: ctx.logger.info('%s: %s', type(error).__name__, error)\n"
    )
    assert deployed.result.state == "terminated", deployed.result
    assert deployed.logs[-1].startswith(error), deployed.logs


def test_script_asks_plugin_for_retry(script: Script):
    deployed = script(
        "from script_runner.tasks import run\nfrom cloudify.proxy.client import ScriptException\n"
        "if ctx.operation.retry_number == 0:\n"
        "  result = run(script_source='#!/bin/bash\\nctx retry-operation again')\n"
        "  assert isinstance(result, ScriptException) and result.retry\n"
    )
    assert any("again" in message for message in deployed.messages), deployed.messages


def test_python_source_runs_in_the_process_of_the_plugin(script: Script):
    deployed = script(
        "from script_runner.tasks import run\n"
        "ctx.logger.info('%s', run(script_source='import os\\nfrom cloudify import ctx\\nctx.returns(os.getpid())'))\n"
        "import os; ctx.logger.info('%s', os.getpid())"
    )
    assert deployed.logs[0] == deployed.logs[1]


def test_other_ctx_answers_calls_over_http(script: Script):
    deployed = script(
        "import subprocess, sys\n"
        "from cloudify.proxy import client, server\n"
        "own = ctx._get_current_object()\n"
        "class Other:\n"
        "  class logger:\n"
        "    info = staticmethod(lambda text, **more: own.logger.info('other %s %s', text, more))\n"
        "  values = {'a': {'b': [1]}}\n"
        "proxy = server.HTTPCtxProxy(Other())\n"
        "def call(*words): return subprocess.check_output([sys.executable, client.__file__, '--socket-url', "
        "proxy.socket_url, *words], text=True)\n"
        "call('logger', 'info', 'hello', '@{\"x\": 1}')\n"
        "call('values', 'a.c', '@[2]')\n"
        "ctx.logger.info('%s', [call('values', 'a.b[0]'), call('-j', 'values', 'a.c'), Other.values])\n"
        "try: client.client_req(proxy.socket_url, ['values', 'none'])\n"
        "except client.RequestError as error: ctx.logger.info('%s', error)\n"
        "proxy.close()\n"
    )
    assert deployed.logs == [
        "other hello {'x': 1}",
        "['1', '[2]', {'a': {'b': [1], 'c': [2]}}]",
        "RuntimeError: illegal path: none",
    ]


def test_copied_module_calls_the_program(script: Script):
    deployed = script(
        "import shutil, subprocess, sys, cloudify.ctx_wrappers\n"
        "from pathlib import Path\n"
        "file = Path(cloudify.ctx_wrappers.__file__).with_name('ctx-py.py')\n"
        "shutil.copy(file, 'cloudify.py')\n"
        'text = \'from cloudify import ctx; ctx.logger.info(ctx.node.properties["color"]); '
        'ctx.instance.runtime_properties["m"] = {"k": [1]}; print(ctx.instance.runtime_properties.get("n", 7))\'\n'
        "subprocess.check_call([sys.executable, '-c', text], env={**__import__('os').environ, 'PYTHONPATH': '.'})\n"
        "ctx.logger.info('%s', ctx.instance.runtime_properties['m'])"
    )
    assert deployed.result.state == "terminated", deployed.result
    assert sorted(deployed.logs) == sorted(["red", "<out> 7", "{'k': [1]}"])  # output and calls come over two ways


def test_other_ctx_replaces_the_one_that_runs(tmp_path: Path):
    text = """
import threading
from cloudify import ctx
from cloudify.mocks import MockCloudifyContext, MockRelationshipContext
from cloudify.state import NotInContext, ctx_parameters, current_ctx
from cloudify.utils import get_tenant_name
mock = MockCloudifyContext("a_1", "a", properties={"size": 1}, runtime_properties={"ip": "1"}, tenant={"name": "t"},
                           deployment_id="dep", operation={"retry_number": 2}, resources={"f": "text"})
current_ctx.set(mock, {"word": "given"})
assert ctx.node.properties["size"] == 1 and ctx.instance.id == "a_1" and ctx.deployment.id == "dep"
assert ctx.type == "node-instance" and ctx.operation.retry_number == 2 and get_tenant_name() == "t"
assert ctx_parameters.word == "given" and isinstance(ctx, MockCloudifyContext) and ctx == mock
ctx["ip"] = "2"
assert ctx.instance.runtime_properties == {"ip": "2"} and "size" in ctx and ctx.get_resource("f") == "text"
ctx.logger.info("unheard"); ctx.instance.update(); ctx.marked = 1
assert mock.marked == 1
with current_ctx.push(MockCloudifyContext(source="s", target="t")):
    assert (ctx.source, ctx.type) == ("s", "relationship-instance")
with current_ctx.push(ctx, {"word": "other"}):
    assert (ctx.node.name, ctx_parameters["word"]) == ("a", "other")
assert ctx.node.name == "a" and ctx and ctx != None and "a_1" not in repr(ctx) and hasattr(ctx, "logger")
found = []
def read():
    try: ctx.node
    except NotInContext as error: found.append(str(error))
thread = threading.Thread(target=read); thread.start(); thread.join()
current_ctx.clear(); read()
print(found)
"""
    assert run_python(text, tmp_path) == (
        "['No operation is running: CTX_SOCKET_URL is not set.', 'There is no ctx: it was cleared.']\n"
    )


def test_user_data_is_joined_into_one_message(tmp_path: Path):
    text = """
from cloudify.compute import create_multi_mimetype_userdata as join
from cloudify.exceptions import NonRecoverableError
first = join(["#!/bin/bash\\necho", "#cloud-config\\na: 1"])
print(join([first, "#ps1_sysnative\\nls"]))
try: join(["what"])
except NonRecoverableError: print("\\nrefused")
"""
    output = run_python(text, tmp_path)
    parts = [part for part in email.message_from_string(output).walk() if not part.is_multipart()]
    assert [(part.get_content_type(), part.get_filename()) for part in parts] == [
        ("text/x-shellscript", "000.sh"),
        ("text/cloud-config", "001"),
        ("text/x-shellscript", "002.ps1"),
    ]
    assert output.endswith("refused\n")


def test_functions_of_utils_do_what_they_say(tmp_path: Path):
    text = """
import os
from cloudify import utils
from cloudify.conflict_handlers import simple_merge_handler
from cloudify.deployment_dependencies import build_deployment_dependency
assert utils.ManagerVersion("7.0.5-ga") > utils.ManagerVersion("7.0") == utils.ManagerVersion("7.0.0")
assert str(utils.ManagerVersion("6.4")) == "6.4.0" and utils.ManagerVersion("6").equals(utils.ManagerVersion("6.0"))
assert utils.internal.get_install_method({"install_agent": False}) == "none"
assert utils.internal.get_install_method({"agent_config": {"install_method": "remote"}}) == "remote"
os.makedirs("folder"); open("folder/f", "w").close()
from cloudify_rest_client.utils import is_supported_archive_type, tar_file
archive = tar_file("folder", ".")
assert is_supported_archive_type(archive) and os.listdir(utils.extract_archive(archive)) == ["folder"]
tries = []
@utils.keep_trying_http(total_timeout_sec=3, max_delay_sec=0.01)
def send():
    tries.append(1)
    if len(tries) < 2: raise ConnectionError
    return "sent"
assert send() == "sent" and len(tries) == 2
class Value: state = "up"
assert utils.wait_for(lambda key: Value, "key", "state", lambda state: state == "up", RuntimeError) is Value
try: utils.wait_for(lambda key: Value, "key", "state", lambda state: False, RuntimeError, "late", timeout=-1)
except RuntimeError as error: assert str(error) == "late"
assert utils.get_func("os.getcwd") is os.getcwd and utils.get_manager_file_server_url() == ["http://127.0.0.1:80/resources"]
assert len(utils.generate_user_password()) == 32 and utils.ipv6_url_compat("::1") == "[::1]"
assert simple_merge_handler({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
assert build_deployment_dependency("x", source_deployment="d", id=None) == {
    "dependency_creator": "x", "source_deployment": "d"}
for wrong in (lambda: build_deployment_dependency("x", nothing=1), lambda: simple_merge_handler({"a": 1}, {"a": 2})):
    try: wrong()
    except (RuntimeError, ValueError) as error: print(error)
from cloudify.workflows.local import init_env
try: init_env("b.yaml")
except Exception as error: print(error)
"""
    assert run_python(text, tmp_path).splitlines() == [
        "A dependency between deployments has no nothing.",
        "The runtime property a was changed by another operation too.",
        "There is no local environment here. `cfy install blueprint.yaml` runs a blueprint.",
    ]
