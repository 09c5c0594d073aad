"""Operations of plugins: installation in virtual environments, ctx, results and errors."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.manager.services.context import AppContext
from tests.conftest import Ask
from tests.manager.conftest import Upload, wait_for_end, wait_until
from tests.wagons import OPS, YAML, package, wheel

pytestmark = [pytest.mark.pip, pytest.mark.sqlite]

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:tiny-plugin']
node_templates:
  it: {type: tiny.Node}
"""


# Creating a virtual environment takes seconds, so tests that do not depend on the database use one of them only.


@pytest.fixture
def plugin(ask: Ask) -> Callable[..., dict[str, Any]]:
    """Upload a plugin whose module `tiny_ops` has this source."""

    def upload_plugin(ops: str = OPS, **options: Any) -> dict[str, Any]:
        answer = ask("POST", "/plugins", data=package(ops=ops, **options))
        assert answer.status_code == 201, answer.text
        return answer.json()

    return upload_plugin


@pytest.fixture
def deploy(ask: Ask, upload: Upload) -> Callable[..., None]:
    def deploy(blueprint: str = BLUEPRINT, name: str = "app", **files: str) -> None:
        uploaded = upload(name, blueprint, files).json()
        assert uploaded["state"] == "uploaded", uploaded["error"]
        assert ask("PUT", f"/deployments/{name}", json={"blueprint_id": name}).status_code == 201

    return deploy


def properties(ask: Ask, deployment: str = "app") -> dict[str, Any]:
    (instance,) = ask("GET", "/node-instances", params={"deployment_id": deployment}).json()["items"]
    return instance["runtime_properties"]


def messages(ask: Ask, execution: dict[str, Any]) -> list[str]:
    events = ask("GET", "/events", params={"execution_id": execution["id"], "include_logs": "true", "_size": 1000})
    return [event["message"] for event in events.json()["items"]]


Run = Callable[..., dict[str, Any]]
Plugin = Callable[..., dict[str, Any]]
Deploy = Callable[..., None]


def test_operation_runs_in_the_virtual_environment_of_its_plugin(ask: Ask, plugin: Plugin, deploy: Deploy, run: Run):
    uploaded = plugin()
    deploy()
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask) == {"version": "1.0.0"}
    output = messages(ask, execution)
    assert "hello world" in output
    assert "Task succeeded 'tiny_ops.create' - {'returned': '1.0.0'}" in output
    assert sum("Installing managed plugin" in message for message in output) == 1
    assert [state["state"] for state in ask("GET", f"/plugins/{uploaded['id']}").json()["installation_state"]] == [
        "installed"
    ]
    again = run("app", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.create"})
    assert not any("Installing managed plugin" in message for message in messages(ask, again))


ALL_KINDS = (
    OPS
    + """
from cloudify.exceptions import OperationRetry, RecoverableError

@operation(resumable=True)
def fatal(**_): raise NonRecoverableError("plugin says no")

def plain(a, **_): return f"plain {a}"

@operation
def picky(required): pass

@operation
def again(ctx, **_):
    if ctx.operation.retry_number == 0:
        ctx.operation.retry("once options", retry_after=0.01)
        return RuntimeError("what it returns does not count then")
    elif ctx.operation.retry_number == 1:
        raise OperationRetry("and once options", retry_after=0.01)
    else:
        ctx.instance.runtime_properties.dirty = True
        ctx.instance.runtime_properties["tries"] = ctx.operation.retry_number + 1

@operation
def odd(**_): return object()

@operation
def facts(**_):
    import os, sys
    rendered = ctx.get_resource_and_render("hello.txt", {"who": "me"})
    ctx.instance.runtime_properties["facts"] = {
        "plugin": [ctx.plugin.name, ctx.plugin.package_name, ctx.plugin.package_version],
        "inside": sys.prefix == ctx.plugin.prefix == os.environ["VIRTUAL_ENV"],
        "workdir": os.path.isdir(ctx.plugin.workdir),
        "token": ctx.rest_token.split("-")[0],
        "rendered": rendered.decode(),
        "cloudify": sys.modules["cloudify"].__file__.startswith(sys.prefix),
        "property": ctx.plugin.properties,
    }
    print("said on stdout")
"""
)
OPERATIONS = ("fatal", "plain", "picky", "again", "odd", "facts")


def yaml_with(*operations: str, name: str = "tiny-plugin", version: str = "1.0.0") -> str:
    lines = [f"        {one}: {{implementation: tiny.tiny_ops.{one}, inputs: {{a: {{default: 1}}}}, max_retries: 3, "
             "retry_interval: 0.01}" for one in operations]  # fmt: skip
    wrong = [
        "        nomodule: {implementation: tiny.tiny_nope.x}",
        "        noattr: {implementation: tiny.tiny_ops.nope}",
    ]
    return YAML.format(name=name, version=version) + "\n".join(["      ops:", *lines, *wrong]) + "\n"


@pytest.mark.sqlite
def test_results_retries_and_errors_are_like_those_of_scripts(ask: Ask, plugin: Plugin, deploy: Deploy, run: Run):
    plugin(ALL_KINDS, yamls={"plugin.yaml": yaml_with(*OPERATIONS)})
    template = "{{ ctx.node.name }} of {{ ctx.deployment.id }} for {{ who }}{{ nothing }}"
    deploy(**{"hello.txt": template})

    def execute(name: str) -> tuple[str, str]:
        execution = run("app", "execute_operation", parameters={"operation": f"ops.{name}"})
        return execution["status"], "\n".join(messages(ask, execution))

    assert "-> plugin says no" in execute("fatal")[1]
    assert "[retry 1" not in execute("fatal")[1]
    assert "Task succeeded 'tiny_ops.plain' - plain 1" in execute("plain")[1]
    status, output = execute("picky")
    assert (status, output.count("Task failed 'tiny_ops.picky' -> picky() got an unexpected")) == ("failed", 4)
    status, output = execute("again")
    assert (status, properties(ask)["tries"]) == ("terminated", 3)
    assert "Task rescheduled 'tiny_ops.again' -> once options [retry_after=0.01]" in output
    assert "Only what JSON can hold" in execute("odd")[1]
    assert "No module named tiny_nope (No module named 'tiny_nope')" in execute("nomodule")[1]
    assert "tiny_ops has no function named 'nope'" in execute("noattr")[1]
    status, output = execute("facts")
    assert "<out> said on stdout" in output
    assert properties(ask)["facts"] == {
        "plugin": ["tiny", "tiny-plugin", "1.0.0"],
        "inside": True,
        "workdir": True,
        "token": "ctok",
        "rendered": "it of app for me",
        "cloudify": False,
        "property": {},
    }


BUNDLED_CLOUDIFY = {
    "cloudify/__init__.py": "from .state import ctx\n",
    "cloudify/state.py": (
        "import threading\nfrom .exceptions import NotInContext\n"
        "class _Current(threading.local):\n"
        "    def set(self, ctx, parameters=None): self.ctx, self.parameters = ctx, parameters\n"
        "current_ctx = _Current()\n"
        "class _Proxy:\n"
        "    def __getattr__(self, name): return getattr(current_ctx.ctx, name)\n"
        "ctx = _Proxy()\n"
    ),
    "cloudify/exceptions.py": (
        "class NotInContext(RuntimeError): pass\n"
        "class NonRecoverableError(Exception): pass\n"
        "class RecoverableError(Exception): pass\n"
        "class OperationRetry(RecoverableError): pass\n"
        "class HttpException(NonRecoverableError):\n"
        "    def __init__(self, url, code, message): super().__init__(message)\n"
    ),
    "cloudify/decorators.py": "def operation(f): return f\n",
    "cloudify/only_theirs.py": "WORD = 'theirs'\n",
}


@pytest.mark.sqlite
def test_plugin_uses_the_cloudify_common_of_its_wagon(ask: Ask, plugin: Plugin, deploy: Deploy, run: Run):
    ops = """
from cloudify import ctx
from cloudify.decorators import operation
from cloudify.exceptions import HttpException, NonRecoverableError
from cloudify.only_theirs import WORD

@operation
def create(who, ctx, **_):
    import cloudify
    assert cloudify.ctx.instance.id == ctx.instance.id
    try:
        ctx.get_resource("nowhere.txt")
    except HttpException as error:
        ctx.instance.runtime_properties["missing"] = str(error)
    cloudify.ctx.instance.runtime_properties["word"] = WORD
    raise NonRecoverableError("enough")
"""
    name, content = wheel("cloudify-common", "6.4.2", BUNDLED_CLOUDIFY)
    plugin(ops, more_wheels={name: content}, requires=("cloudify-common>=6",))
    deploy()
    execution = run("app", "install")
    assert "NonRecoverableError `enough`" in execution["error"]
    assert properties(ask) == {"word": "theirs", "missing": "The blueprint has no file nowhere.txt."}


SDK = """
def get_deployment_dir(deployment_name=None, deployment_id=None): raise RuntimeError("No deployment directory found!")
def get_blueprint_dir(blueprint_id=None): raise RuntimeError("No blueprint directory found!")
"""


@pytest.mark.sqlite
def test_plugins_sdk_finds_the_folders_of_a_deployment(ask: Ask, plugin: Plugin, deploy: Deploy, run: Run):
    ops = """
from cloudify.decorators import operation
from cloudify_common_sdk.utils import get_blueprint_dir, get_deployment_dir

@operation
def create(ctx, **_):
    import os
    for other in (get_blueprint_dir, get_deployment_dir):
        try:
            other("another")
        except RuntimeError as error:
            print(error)
    ctx.instance.runtime_properties["found"] = [
        get_deployment_dir(ctx.deployment.id) == ctx.local_deployment_workdir(),
        sorted(os.listdir(get_blueprint_dir())) == sorted(os.listdir(get_blueprint_dir(ctx.blueprint.id))),
        os.listdir(get_blueprint_dir()),
    ]
"""
    sdk = {"cloudify_common_sdk/__init__.py": "", "cloudify_common_sdk/utils.py": SDK}
    wheels = dict(
        [wheel("cloudify-utilities-plugins-sdk", "1.0", sdk), wheel("cloudify-common", "6.4.2", BUNDLED_CLOUDIFY)]
    )
    plugin(ops, more_wheels=wheels, requires=("cloudify-utilities-plugins-sdk", "cloudify-common"))
    deploy()
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask)["found"] == [True, True, ["blueprint.yaml"]]
    output = messages(ask, execution)
    assert {"<out> No deployment directory found!", "<out> No blueprint directory found!"} <= set(output)


@pytest.mark.sqlite
def test_folder_of_public_manager_has_files_of_blueprint(ask: Ask, plugin: Plugin, deploy: Deploy, run: Run):
    ops = """
import os, subprocess
INCLUDES = '/opt/manager/resources/blueprints/' '{tenant}/{blueprint}/{relative_path}'

def create(ctx, **_):
    path = INCLUDES.format(tenant=ctx.tenant_name, blueprint=ctx.blueprint.id, relative_path="more/site.yaml")
    public = "/opt/" + "manager/resources/blueprints/default_tenant/app/more/site.yaml"
    deployment = os.listdir("/opt/manager/resources/deployments/default_tenant/" + ctx.deployment.id)
    ctx.instance.runtime_properties["found"] = [
        subprocess.check_output(["cat", path], text=True),
        ctx.get_resource(path).decode(),
        ctx.get_resource(public).decode(),
        open(ctx.download_resource(public)).read(),
        "downloads" in deployment,
    ]
    ctx.instance.runtime_properties["path"] = path
"""
    plugin(ops)
    deploy(**{"more/site.yaml": "hosts"})
    execution = run("app", "install")
    assert execution["status"] == "terminated", execution["error"]
    assert properties(ask)["found"] == ["hosts"] * 4 + [False]
    path = properties(ask)["path"]
    again = run("app", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.create"})
    assert again["status"] == "terminated", again["error"]
    assert properties(ask) == {"found": ["hosts"] * 4 + [True], "path": path}


@pytest.mark.sqlite
def test_plugin_without_cloudify_common_uses_the_provided_one(plugin: Plugin, deploy: Deploy, run: Run):
    plugin(requires=("cloudify-common>=5.1", "cloudify-rest-client"))
    deploy()
    assert run("app", "install")["status"] == "terminated"


@pytest.mark.sqlite
def test_failed_installation_is_reported_and_cleaned_up(
    ask: Ask, app: AppContext, plugin: Plugin, deploy: Deploy, run: Run
):
    uploaded = plugin(requires=("not-in-the-wagon>=3",))
    deploy()
    execution = run("app", "install")
    assert execution["status"] == "failed"
    assert "tiny-plugin 1.0.0 could not be installed" in execution["error"]
    assert "not-in-the-wagon" in execution["error"]
    (state,) = ask("GET", f"/plugins/{uploaded['id']}").json()["installation_state"]
    assert state["state"] == "error"
    (folder,) = (app.files.cache.folder / "plugins").glob("*/")
    assert [path.name for path in folder.iterdir()] == ["environment.lock"]


def test_plugin_needed_by_parallel_operations_is_installed_once(
    ask: Ask, app: AppContext, plugin: Plugin, deploy: Deploy
):
    plugin()
    six = "{scalable: {properties: {default_instances: 6}}}"
    deploy(BLUEPRINT.replace("tiny.Node}", f"tiny.Node, capabilities: {six}}}"))
    started = ask("POST", "/executions", json={"deployment_id": "app", "workflow_id": "install"}).json()
    execution = wait_for_end(ask, started["id"], 60)
    assert execution["status"] == "terminated", execution["error"]
    output = messages(ask, execution)
    assert sum("Installing managed plugin" in message for message in output) == 1
    assert sum("hello world" in message for message in output) == 6
    (folder,) = (app.files.cache.folder / "plugins").glob("*/")
    assert len(list(folder.glob("environment-*"))) == 1


@pytest.mark.sqlite
def test_incomplete_and_deleted_environments_are_removed(
    ask: Ask, app: AppContext, plugin: Plugin, deploy: Deploy, run: Run
):
    uploaded = plugin()
    (stored,) = (app.settings.files / "plugins").iterdir()
    folder = app.files.cache.folder_of(("plugins", int(stored.name)))
    (folder / "environment-dead").mkdir(parents=True)
    deploy()
    assert run("app", "install")["status"] == "terminated"
    assert not (folder / "environment-dead").exists()
    assert ask("DELETE", f"/plugins/{uploaded['id']}", params={"force": "true"}).status_code == 204
    wait_until(folder.exists, lambda exists: not exists)  # once the execution does not use it any more
    plugin(version="2.0.0")
    execution = run("app", "execute_operation", parameters={"operation": "cloudify.interfaces.lifecycle.create"})
    sentences = "tiny-plugin, version 1.0.0 is not installed on the manager. It has the versions 2.0.0.`"
    assert f"Required plugin {sentences}" in execution["error"]


def test_global_plugin_is_used_by_operations_of_other_tenants(ask: Ask, plugin: Plugin, worker: object):
    ask("POST", "/tenants/red")
    uploaded = plugin()
    ask("PATCH", f"/plugins/{uploaded['id']}/set-visibility", json={"visibility": "global"})
    from tests.manager.conftest import archive

    body = archive({"blueprint.yaml": BLUEPRINT})
    files = {
        "params": (None, json.dumps({"application_file_name": "blueprint.yaml"})),
        "blueprint_archive": ("a", body),
    }
    assert ask("PUT", "/blueprints/app", tenant="red", files=files).json()["state"] == "uploaded"
    assert ask("PUT", "/deployments/app", tenant="red", json={"blueprint_id": "app"}).status_code == 201
    body = {"deployment_id": "app", "workflow_id": "install"}
    started = ask("POST", "/executions", tenant="red", json=body).json()
    execution = wait_until(
        lambda: ask("GET", f"/executions/{started['id']}", tenant="red").json(),
        lambda found: found["status"] in ("terminated", "failed"),
    )
    assert execution["status"] == "terminated", execution["error"]
