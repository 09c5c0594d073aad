"""Tests of deployments, executions, events and quickstart with an embedded manager."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Deployment
from tests.conftest import Cfy

from .conftest import Run

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  word: {type: string, default: hi}
  count: {type: integer, default: 1}
node_templates:
  page:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: create.sh, max_retries: 0, inputs: {WORD: {get_input: word}}}
outputs:
  said: {value: {get_attribute: [page, said]}, description: What was said.}
capabilities:
  count: {value: {get_input: count}}
"""
SCRIPT = """\
#!/bin/bash
set -e
test "$WORD" != fail
ctx logger info "said $WORD"
ctx instance runtime-properties said "$WORD"
"""
pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def blueprint_file(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "blueprint.yaml").write_text(BLUEPRINT)
    (folder / "create.sh").write_text(SCRIPT)
    (folder / "create.sh").chmod(0o755)
    return folder / "blueprint.yaml"


@pytest.fixture
def deployed(cfy: Cfy, blueprint_file: Path) -> Cfy:
    cfy(f"blueprints upload {blueprint_file}")
    cfy("deployments create dep -b app -i word=hello")
    return cfy


def test_deployment_create_to_uninstall(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"blueprints upload {blueprint_file}")
    message = cfy("""deployments create dep -b app -i word=hello -i '{"count": 3}' --labels owner:ann""")
    assert message == "Deployment `dep` created. The deployment's id is dep\n"
    out = cfy("executions start install -d dep")
    assert "INFO: said hello" in out
    assert out.endswith("Finished executing workflow `install` on deployment `dep`\n")
    assert cfy("deployments inputs dep") == ' - "word":\n     Value: hello\n - "count":\n     Value: 3\n'
    assert cfy("deployments outputs dep") == ' - "said":\n     Description: What was said.\n     Value: hello\n'
    assert cfy("deployments outputs dep --query said") == "hello\n"
    capabilities = json.loads(cfy("deployments capabilities dep --json"))
    assert capabilities == {"count": {"value": 3, "description": None}}
    assert "Showing 1 of 1 nodes" in cfy("nodes list -d dep")
    assert "cloudify.nodes.Root" in cfy("nodes get page -d dep")
    (instance,) = json.loads(cfy("node-instances list -d dep --json"))
    assert (instance["state"], "runtime_properties" in instance) == ("started", False)
    (instance,) = json.loads(cfy("node-instances list --columns id,runtime_properties --json"))
    assert instance["runtime_properties"]["said"] == "hello"
    assert "said:" in cfy(f"node-instances get {instance['id']}")
    executions = json.loads(cfy("executions list -d dep --json"))
    assert [item["workflow_id"] for item in executions] == ["create_deployment_environment", "install"]
    key = executions[1]["id"]
    assert "completed" in cfy(f"executions get {key}")
    assert "finished_operations | total_operations" in cfy(f"executions get {key}")
    assert "said hello" in cfy(f"events list {key}")
    assert "said hello" not in cfy(f"events list {key} --no-logs")
    assert len(cfy(f"events list {key} --json -s 3").splitlines()) == 3
    cfy("uninstall dep")
    assert cfy("deployments list --json") == cfy("blueprints list --json") == "[]\n"


def test_failed_execution_has_own_exit_code(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"blueprints upload {blueprint_file}")
    cfy("deployments create dep -b app -i word=fail")
    cfy("executions start install -d dep -p type_names=[]", code=5)
    assert "Workflow `install` on deployment `dep` failed" in cfy.errors
    (failed,) = [item for item in json.loads(cfy("executions list --json")) if item["workflow_id"] == "install"]
    cfy(f"events list --tail {failed['id']}", code=5)


def test_install_uploads_creates_and_runs(cfy: Cfy, blueprint_file: Path) -> None:
    out = cfy(f"install {blueprint_file} -d quick -i word=once")
    assert "INFO: said once" in out
    again = "executions start execute_operation -d quick -p operation=cloudify.interfaces.lifecycle.create"
    events = [json.loads(line) for line in cfy(f"{again} --json").splitlines()]
    assert events[-1]["event_type"] == "workflow_succeeded"
    assert {event["context"]["workflow_id"] for event in events} == {"execute_operation"}
    assert json.loads(cfy(f"{again} --json --query [status,status_display]")) == ["completed", "completed"]


def test_uninstall_keeps_blueprint_of_other_deployments(deployed: Cfy) -> None:
    deployed("deployments create other -b app")
    deployed("executions start install -d dep")
    assert "Deployment `dep` deleted" in deployed("uninstall dep")
    assert "Blueprint `app` was not deleted" in deployed.errors


def test_unavailable_workflow_reports_its_condition(deployed: Cfy) -> None:
    deployed("executions start uninstall -d dep", code=1)
    assert (
        "It requires that all or some of the node instances are active; now none are. "
        "--force starts it all the same." in deployed.errors
    )


def test_uninstall_of_what_is_not_installed_deletes_it(deployed: Cfy) -> None:
    out = deployed("uninstall dep --no-wait")
    assert "Nothing of deployment `dep` is installed\n" in deployed.errors
    assert out.splitlines() == ["Deployment `dep` deleted", "Blueprint `app` deleted"]


def test_uninstall_by_another_workflow_is_not_skipped(deployed: Cfy) -> None:
    deployed("uninstall dep -w stop", code=1)
    assert deployed("deployments list --format name") == "dep\n"


def test_workflow_parameters_are_coerced_from_text(deployed: Cfy) -> None:
    start = "executions start execute_operation -d dep -p operation=cloudify.interfaces.lifecycle.create"
    output = deployed(f"{start} -p node_ids=page -p 'operation_kwargs={{\"more\": 1}}'")
    assert "Operation parameters: {'more': 1}" in output
    deployed(f"{start} -p node_ids=page,nowhere", code=1)
    assert "there is no node `nowhere`" in deployed.errors


def test_deployment_create_rejects_invalid_inputs(cfy: Cfy, blueprint_file: Path) -> None:
    cfy(f"blueprints upload {blueprint_file}")
    cfy("deployments create dep -b app -i count=many -i nosuch=1", code=1)
    assert "the input `count`: " in cfy.errors
    assert "there is no input `nosuch`" in cfy.errors
    assert cfy("deployments list --json") == "[]\n"


def test_deployment_labels_site_and_visibility_are_set(deployed: Cfy) -> None:
    deployed("sites create tlv")
    deployed("blueprints set-visibility app -l global")
    assert deployed("deployments set-site dep -s tlv") == "The site of `dep` was set to tlv\n"
    assert deployed("deployments set-site dep -d") == "The site of `dep` was detached\n"
    deployed("deployments set-site dep", code=2)
    assert deployed("deployments set-visibility dep -l global") == "Deployment `dep` was set to global\n"
    assert deployed("deployments labels add a:b,c:d dep") == "Labels added to deployment `dep`: a:b, c:d\n"
    assert "c" not in [
        label["key"] for label in json.loads(deployed("deployments labels delete c:d dep --json"))["labels"]
    ]
    assert [item["id"] for item in json.loads(deployed("deployments list -lr a=b --json"))] == ["dep"]


def test_workflows_get_shows_parameters(deployed: Cfy) -> None:
    assert "install" in deployed("workflows list -d dep")
    assert "operation:" in deployed("workflows get execute_operation -d dep")
    deployed("workflows get nosuch -d dep", code=3)


def test_events_delete_stores_copy_first(deployed: Cfy, tmp_path: Path) -> None:
    deployed("executions start install -d dep")
    deployed(f"events delete dep --store-before -o {tmp_path}/events.txt")
    assert "said hello" in (tmp_path / "events.txt").read_text()
    assert deployed("events delete dep") == "No events to delete\n"


def test_events_of_a_deleted_deployment_are_deleted(deployed: Cfy) -> None:
    deployed("deployments delete dep")
    assert deployed("events delete dep").startswith("Deleted ")
    deployed("events delete dep", code=3)
    deployed("events delete nosuch", code=3)


def test_events_delete_keeps_events_outside_time_range(deployed: Cfy) -> None:
    for option in ("--before '1 day'", "--to '1 day ago'", "--from +1h"):
        assert deployed(f"events delete dep {option}") == "No events to delete\n"
    assert deployed("events delete dep --from '1 day ago'").startswith("Deleted ")


def test_dry_run_keeps_instance_states(deployed: Cfy) -> None:
    deployed("executions start install -d dep --dry-run")
    (instance,) = json.loads(deployed("node-instances list -d dep --json"))
    assert instance["state"] == "uninitialized"


def test_running_execution_is_cancelled(cfy: Cfy, blueprint_file: Path) -> None:
    (blueprint_file.parent / "create.sh").write_text("#!/bin/bash\nsleep 2\n")
    cfy(f"blueprints upload {blueprint_file}")
    cfy("deployments create dep -b app")
    cfy("executions start install -d dep --timeout 0", code=7)
    (key,) = [item["id"] for item in json.loads(cfy("executions list --json")) if item["workflow_id"] == "install"]
    assert "A cancel request" in cfy(f"executions cancel {key} -f")
    cfy(f"events list --tail {key}", code=6)


def test_quickstart_twice_creates_two_deployments(cfy: Cfy) -> None:
    assert '"page"' in cfy("quickstart")
    assert "cfy uninstall hello-2" in (cfy("quickstart"), cfy.errors)[1]
    assert "Showing 2 of 2 deployments" in cfy("deployments list")


def test_if_exists_skip_keeps_blueprint_and_deployment(deployed: Cfy, blueprint_file: Path) -> None:
    deployed(f"blueprints upload {blueprint_file}", code=1)
    assert deployed(f"blueprints upload {blueprint_file} --if-exists skip") == "Blueprint `app` already exists\n"
    deployed("deployments create dep -b app", code=1)
    assert deployed("deployments create dep -b app --if-exists skip") == "Deployment `dep` already exists\n"


def test_delete_refuses_deployment_with_dependents(deployed: Cfy) -> None:
    deployed("deployments create net -b app")
    deployed("deployments dependencies add dep net -c nodes.page.disk")
    listed = json.loads(deployed("deployments dependencies list --target net --json"))
    assert [dependency["source_deployment_id"] for dependency in listed] == ["dep"]
    deployed("deployments delete net", code=1)
    assert "[1] Deployment `dep` uses capabilities of the current deployment in its node `page`" in deployed.errors
    assert "Uninstall and delete those first, or force the deletion (--force)" in deployed.errors
    assert deployed("deployments list --dependencies-of dep --format name") == "net\n"
    deployed("deployments delete net --force")
    assert json.loads(deployed("deployments dependencies list --json"))[0]["target_deployment_id"] is None


def test_workflow_lists_mandatory_and_optional_parameters(deployed: Cfy) -> None:
    heal = deployed("workflows get heal -d dep")
    assert "Mandatory parameters:" not in heal
    assert "\tnode_instance_id:     (The instance that needs it" in heal.split("Optional parameters:")[1]
    assert "node_instances_active: all, partial" in heal
    mandatory, optional = deployed("workflows get scale -d dep").split("Mandatory parameters:")[1].split("Optional")
    assert "scalable_entity_name" in mandatory
    assert "delta:" in optional


def test_quiet_execution_prints_only_how_it_ended(deployed: Cfy) -> None:
    assert (
        deployed("executions start install -d dep -q") == "Finished executing workflow `install` on deployment `dep`\n"
    )
    assert deployed.errors == ""
    assert '"message"' in deployed("executions start check_status -d dep -q --json-output")


def test_node_shows_operations_that_do_something(deployed: Cfy) -> None:
    out = deployed("nodes get page -d dep")
    assert out.count("cloudify.interfaces.lifecycle.create") == 1
    assert "cloudify.interfaces.lifecycle.stop" not in out
    assert "Operations" not in deployed("nodes get page -d dep --columns id,type")


def test_groups_of_a_deployment_are_listed(run: Run, wire: responses.RequestsMock) -> None:
    group = {"members": ["a", "b"], "policies": {"heal": {"type": "x.Heal"}}}
    answer = {"groups": {"web": group}, "scaling_groups": {"web": {"members": ["a", "b"]}}}
    wire.get("http://manager/api/v3.1/deployments/dep", json=answer)
    row = {"name": "web", "members": ["a", "b"], "policies": ["cloudify.policies.scaling", "x.Heal"]}
    assert run("groups list -d dep --json").data == [row]
    assert "| web" in run("groups list -d dep").out
    wire.get("http://manager/api/v3.1/deployments/none", json={"groups": {}})
    assert "has no `groups`" in run("groups list -d none").err


def test_creation_whose_answer_is_lost_is_found_again(
    cfy: Cfy, app: AppContext, session: requests.Session, blueprint_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfy(f"blueprints upload {blueprint_file} -b app")
    adapter = session.get_adapter("http://")
    send = adapter.send

    def lose(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = send(request, **options)
        if request.method == "PUT":
            raise requests.ConnectionError("its server was restarted")
        return response

    monkeypatch.setattr(adapter, "send", lose)
    assert "created" in cfy("deployments create app -b app")
    with app.database.write() as database:
        database.query(Deployment).update({"created_at": "2026-01-01T00:00:00.000Z"})
    cfy("deployments create app -b app", code=9)  # that one is older
    cfy("deployments create other -b none", code=9)
    assert "closed the connection before it answered" in cfy.errors
