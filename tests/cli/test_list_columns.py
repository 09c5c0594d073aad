"""Lists request and print only their columns; --columns names others."""

import json
from pathlib import Path
from typing import Any

import pytest
import responses

from cfy_cli.contract import resources
from tests.conftest import Cfy

from .conftest import Run, page

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {secret_size: {type: integer, default: 1}}
node_templates:
  page: {type: cloudify.nodes.Root}
outputs: {port: {value: 1}}
"""
MAX_BYTES = 600  # of a deployment in a list as JSON
HEAVY = frozenset({
    "plan", "workflows", "policy_types", "policy_triggers", "groups", "scaling_groups", "inputs", "outputs",
    "capabilities", "parameters", "properties", "runtime_properties", "operations", "plugins",
})  # fmt: skip
LISTS = {
    "blueprints list": resources.BLUEPRINTS,
    "deployments list": resources.DEPLOYMENTS,
    "deployments status-list": resources.DEPLOYMENTS,
    "executions list": resources.EXECUTIONS,
    "managers list": resources.MANAGERS,
    "node-instances list": resources.NODE_INSTANCES,
    "nodes list": resources.NODES,
    "nodes list -d dep": resources.NODES,
    "plugins list": resources.PLUGINS,
    "secrets list": resources.SECRETS,
    "sites list": resources.SITES,
    "tenants list": resources.TENANTS,
    "tokens list": resources.TOKENS,
    "users list": resources.USERS,
}


@pytest.fixture
def deployed(cfy: Cfy, tmp_path: Path) -> Cfy:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "blueprint.yaml").write_text(BLUEPRINT)
    cfy(f"blueprints upload {tmp_path / 'app' / 'blueprint.yaml'} -b app")
    cfy("deployments create dep -b app --labels a:b")
    cfy("secrets create key -s canary")
    cfy("sites create tlv")
    cfy("tokens create")
    return cfy


@pytest.mark.usefixtures("worker")
def test_every_list_has_same_columns_in_every_format(deployed: Cfy) -> None:
    for command, resource in LISTS.items():
        rows = json.loads(deployed(f"{command} --json"))
        if command == "plugins list":
            continue
        names = list(rows[0])
        assert HEAVY.isdisjoint(names) or resource in (resources.TENANTS, resources.USERS), command
        usual = names if command == "deployments status-list" else names[: len(resource.columns)]
        assert deployed(f"{command} --format csv").splitlines()[0].split(",") == usual, command
        table = deployed(f"{command} --columns '{','.join(names)}'")
        headings = [heading.strip() for heading in table.splitlines()[3].strip("|").split("|")]
        assert headings == names, command
        assert list(json.loads(deployed(f"{command} --columns '{','.join(names)}' --json"))[0]) == names


@pytest.mark.usefixtures("worker")
def test_columns_may_name_heavy_fields_and_raw_ones(deployed: Cfy) -> None:
    (row,) = json.loads(deployed("deployments list --json --columns id,inputs"))
    assert row == {"id": "dep", "inputs": {"secret_size": 1}}
    row, *_ = json.loads(deployed("executions list --json --columns status,workflow_id --sort-by created_at"))
    assert row == {"status": "completed", "workflow_id": "upload_blueprint"}
    assert "secret_size" in deployed("deployments list --columns id,inputs")
    assert json.loads(deployed("deployments list --json --query '[].inputs.secret_size'")) == [1]
    (row,) = json.loads(deployed("users list --json --columns role,username"))
    assert row == {"role": "sys_admin", "username": "admin"}


@pytest.mark.usefixtures("worker")
def test_deployment_in_list_takes_few_bytes(deployed: Cfy) -> None:
    assert len(deployed("deployments list --json")) < MAX_BYTES


@pytest.mark.parametrize("form", ["plain", "json", "csv", "yaml"])
def test_unknown_column_is_refused_for_empty_list(cfy: Cfy, form: str) -> None:
    for command, resource in LISTS.items():
        assert cfy(f"{command} --columns nosuch --format {form}", code=2) == ""
        message, _, hint = cfy.errors.replace('"hint"', "Hint").partition("Hint")
        assert "There is no column `nosuch`" in message
        assert resource.key in hint, command


def test_older_manager_without_default_field_is_accepted(run: Run, wire: responses.RequestsMock) -> None:
    refusal = {"message": "no such field", "error_code": "no_such_include_field_error"}

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        return (400, {}, json.dumps(refusal)) if "_include" in request.params else (200, {}, json.dumps(page()))

    wire.add_callback("GET", "http://manager/api/v3.1/deployments", answer)
    assert run("deployments list --json").data == []
    assert "no such field" in run("deployments list --columns nosuch", code=2).err
