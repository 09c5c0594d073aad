"""Declared types and constraints hold at every place where a value enters, over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cfy_cli.dsl.constraints import CONSTRAINTS
from cfy_cli.dsl.value_types import BASIC_TYPES, REFERENCE_TYPES
from tests.conftest import Ask
from tests.manager.conftest import Upload

pytestmark = pytest.mark.sqlite

HEAD = "tosca_definitions_version: cloudify_dsl_1_5\nimports: [cloudify/types/types.yaml]\n"
TARGET = (
    HEAD
    + """
node_templates:
  box: {type: cloudify.nodes.Root}
groups: {boxes: {members: [box]}}
policies: {scale_boxes: {type: cloudify.policies.scaling, targets: [boxes]}}
capabilities: {address: {value: 10.0.0.1}}
"""
)
IN_TARGET = {"deployment_id": "target"}
# A declaration of each type, a value that it allows and one that it refuses.
TYPES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "string": ({}, "a", None),
    "textarea": ({}, "a", None),
    "integer": ({}, 1, "one"),
    "float": ({}, 1.5, "one"),
    "boolean": ({}, True, "maybe"),
    "list": ({"item_type": "integer"}, [1], ["one"]),
    "dict": ({}, {"a": 1}, [1]),
    "regex": ({}, "a+", "("),
    "blueprint_id": ({}, "target", "nosuch"),
    "deployment_id": ({}, "target", "nosuch"),
    "secret_key": ({}, "key", "nosuch"),
    "capability_value": ({"constraints": [IN_TARGET]}, "10.0.0.1", "10.0.0.2"),
    "scaling_group": ({"constraints": [IN_TARGET]}, "boxes", "nosuch"),
    "node_id": ({"constraints": [IN_TARGET]}, "box", "nosuch"),
    "node_type": ({"constraints": [IN_TARGET]}, "cloudify.nodes.Root", "nosuch"),
    "node_instance": ({"constraints": [IN_TARGET]}, "INSTANCE", "nosuch"),
    "operation_name": ({"constraints": [IN_TARGET]}, "cloudify.interfaces.lifecycle.create", "nosuch"),
}
# A declaration with each constraint, a value that meets it and one that does not.
CONSTRAINED: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "equal": ({"type": "integer", "constraints": [{"equal": 2}]}, 2, 3),
    "greater_than": ({"type": "integer", "constraints": [{"greater_than": 2}]}, 3, 2),
    "greater_or_equal": ({"type": "integer", "constraints": [{"greater_or_equal": 2}]}, 2, 1),
    "less_than": ({"type": "float", "constraints": [{"less_than": 2}]}, 1.5, 2),
    "less_or_equal": ({"type": "integer", "constraints": [{"less_or_equal": {"get_secret": "limit"}}]}, 7, 8),
    "in_range": ({"type": "integer", "constraints": [{"in_range": [1, 3]}]}, 3, 9),
    "valid_values": ({"constraints": [{"valid_values": [{"get_secret": "key"}, "b"]}]}, "hidden", "c"),
    "length": ({"type": "string", "constraints": [{"length": 2}]}, "ab", "a"),
    "min_length": ({"type": "string", "constraints": [{"min_length": 2}]}, "ab", "a"),
    "max_length": ({"type": "list", "constraints": [{"max_length": 1}]}, ["a"], ["a", "b"]),
    "pattern": ({"type": "string", "constraints": [{"pattern": "a+$"}]}, "aa", "b"),
    "filter_id": ({"type": "deployment_id", "constraints": [{"filter_id": "nosuch"}]}, None, "target"),
    "labels": ({"type": "deployment_id", "constraints": [{"labels": [{"env": "prod"}]}]}, "target", "other"),
    "tenants": ({"type": "blueprint_id", "constraints": [{"tenants": ["elsewhere"]}]}, None, "target"),
    "name_pattern": ({"type": "secret_key", "constraints": [{"name_pattern": {"starts_with": "k"}}]}, "key", "limit"),
    "deployment_id": ({"type": "node_id", "constraints": [{"deployment_id": "nosuch"}]}, None, "box"),
}
CASES = {**{kind: ({"type": kind, **more}, good, bad) for kind, (more, good, bad) in TYPES.items()}, **CONSTRAINED}
Run = Callable[..., dict[str, Any]]
Give = Callable[[str, dict[str, Any], Any], Any]


def test_every_type_and_constraint_is_tried() -> None:
    assert set(TYPES) == {*BASIC_TYPES, *REFERENCE_TYPES}
    assert set(CONSTRAINED) == set(CONSTRAINTS)


@pytest.fixture
def target(ask: Ask, upload: Upload) -> str:
    """Create the resources that values name, and return the id of a node instance."""
    upload("target", TARGET)
    for name, env in (("target", "prod"), ("other", "test")):
        body = {"blueprint_id": "target", "labels": [{"env": env}]}
        assert ask("PUT", f"/deployments/{name}", json=body).status_code == 201
    for key, value in (("key", "hidden"), ("limit", "7")):
        ask("PUT", f"/secrets/{key}", json={"value": value})
    [instance] = ask("GET", "/node-instances?deployment_id=target").json()["items"]
    return str(instance["id"])


def give_input(ask: Ask, upload: Upload) -> Give:
    def give(name: str, declaration: dict[str, Any], value: Any) -> Any:
        if ask("GET", f"/blueprints/{name}").status_code == 404:
            assert upload(name, f"{HEAD}inputs: {{value: {json.dumps(declaration)}}}\n").json()["state"] == "uploaded"
        return ask("PUT", f"/deployments/{name}", json={"blueprint_id": name, "inputs": {"value": value}})

    return give


def give_parameter(ask: Ask, upload: Upload) -> Give:
    def give(name: str, declaration: dict[str, Any], value: Any) -> Any:
        if ask("GET", f"/blueprints/{name}").status_code == 404:
            parameters = json.dumps({"value": {**declaration, "required": False}})
            workflow = f"workflows: {{w: {{mapping: say.sh, parameters: {parameters}}}}}\n"
            assert upload(name, HEAD + workflow).json()["state"] == "uploaded"
            ask("PUT", f"/deployments/{name}", json={"blueprint_id": name})
        body = {"deployment_id": name, "workflow_id": "w", "parameters": {"value": value}, "dry_run": True}
        return ask("POST", "/executions", json={**body, "force": True})

    return give


def box_type(declaration: dict[str, Any]) -> str:
    """Return a node type whose operation has one input."""
    operation = {"implementation": "say.sh", "inputs": {"value": declaration}}
    node_type = {"derived_from": "cloudify.nodes.Root", "interfaces": {"i": {"o": operation}}}
    return f"{HEAD}node_types: {json.dumps({'box': node_type})}\n"


def give_operation_input(ask: Ask, upload: Upload, declaration: dict[str, Any], value: Any) -> tuple[bool, str]:
    name = f"b{len(ask('GET', '/blueprints').json()['items'])}"
    text = box_type({**declaration, "required": False}) + "node_templates: {a: {type: box}}\n"
    uploaded = upload(name, text).json()
    assert uploaded["state"] == "uploaded", uploaded["error"]
    ask("PUT", f"/deployments/{name}", json={"blueprint_id": name})
    parameters = {"operation": "i.o", "operation_kwargs": {"value": value}, "allow_kwargs_override": True}
    body = {"deployment_id": name, "workflow_id": "execute_operation", "parameters": parameters, "dry_run": True}
    answer = ask("POST", "/executions", json=body)
    return answer.status_code == 201, answer.text


def give_in_blueprint(ask: Ask, upload: Upload, declaration: dict[str, Any], value: Any) -> tuple[bool, str]:
    node = {"type": "box", "interfaces": {"i": {"o": {"inputs": {"value": value}}}}}
    name = f"b{len(ask('GET', '/blueprints').json()['items'])}"
    uploaded = upload(name, f"{box_type(declaration)}node_templates: {json.dumps({'a': node})}\n")
    return uploaded.json().get("state") == "uploaded", uploaded.text


# Values of operations are checked without the resources of the manager.
OFFLINE = {case for case, (declaration, _, _) in CASES.items() if declaration.get("type") not in REFERENCE_TYPES}
OFFLINE -= {"less_or_equal", "valid_values"}  # which read secrets


@pytest.mark.sqlite
@pytest.mark.parametrize("give", [give_operation_input, give_in_blueprint])
def test_operation_inputs_are_held_to_declarations(
    give: Callable[..., tuple[bool, str]], ask: Ask, upload: Upload
) -> None:
    for case in OFFLINE:
        declaration, good, bad = CASES[case]
        if bad is not None:
            is_taken, text = give(ask, upload, declaration, bad)
            assert not is_taken, (case, bad, text)
            assert "`value`" in text
        is_taken, text = give(ask, upload, declaration, good)
        assert is_taken, (case, good, text)


def test_value_of_call_violates_declaration_operation_fails(ask: Ask, upload: Upload, run: Run) -> None:
    ask("PUT", "/secrets/limit", json={"value": "70001"})
    declaration = {"type": "integer", "constraints": [{"less_than": 5}]}
    node = {"type": "box", "interfaces": {"i": {"o": {"max_retries": 0, "inputs": {"value": {"get_secret": "limit"}}}}}}
    upload("b", f"{box_type(declaration)}node_templates: {json.dumps({'a': node})}\n")
    ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
    ended = run("d", "execute_operation", parameters={"operation": "i.o"})
    assert "violates the declaration of the input `value`" in ended["error"]
    assert "70001" not in ended["error"]


def test_relationship_holds_inputs_to_declarations(ask: Ask, upload: Upload, run: Run) -> None:
    ask("PUT", "/secrets/limit", json={"value": "70001"})
    operation = {
        "implementation": "say.sh",
        "max_retries": 0,
        "inputs": {"value": {"type": "integer", "constraints": [{"less_than": 5}]}},
    }
    interfaces = {"cloudify.interfaces.relationship_lifecycle": {"establish": operation}}
    link = {"derived_from": "cloudify.relationships.depends_on", "source_interfaces": interfaces}
    given = {
        "cloudify.interfaces.relationship_lifecycle": {"establish": {"inputs": {"value": {"get_secret": "limit"}}}}
    }
    relationship = {"type": "link", "target": "a", "source_interfaces": given}
    nodes = {
        "a": {"type": "cloudify.nodes.Root"},
        "b": {"type": "cloudify.nodes.Root", "relationships": [relationship]},
    }
    upload("b", f"{HEAD}relationships: {json.dumps({'link': link})}\nnode_templates: {json.dumps(nodes)}\n")
    ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
    assert "violates the declaration of the input `value`" in run("d", "install")["error"]


def test_component_holds_inputs_to_declarations(ask: Ask, upload: Upload, run: Run) -> None:
    upload("child", f"{HEAD}inputs: {{key: {{type: secret_key}}, n: {{type: integer}}}}\n", {})
    config = {
        "blueprint": {"external_resource": True, "id": "child"},
        "deployment": {"id": "kid", "inputs": {"key": "nosuch", "n": "one"}},
    }
    node = {"type": "cloudify.nodes.Component", "properties": {"resource_config": config}}
    upload("b", f"{HEAD}node_templates: {json.dumps({'a': node})}\n")
    ask("PUT", "/deployments/d", json={"blueprint_id": "b"})
    error = run("d", "install")["error"]
    assert "there is no secret `nosuch`" in error
    assert "the input `n`: expected a value of the type integer" in error
    assert ask("GET", "/deployments/kid").status_code == 404


@pytest.mark.parametrize("entry", [give_input, give_parameter])
def test_every_entry_holds_values_to_declarations(
    entry: Callable[[Ask, Upload], Give], ask: Ask, upload: Upload, target: str
) -> None:
    give = entry(ask, upload)
    for case, (declaration, good, bad) in CASES.items():
        name = case.replace("_", "-")
        if bad is not None:
            refused = give(name, declaration, bad)
            assert refused.status_code == 400, (case, bad, refused.text)
            message = refused.json()["message"]
            assert "value" in message, message
            assert "hidden" not in message, "the value of a secret is not shown"
        if good is not None:
            taken = give(name, declaration, target if good == "INSTANCE" else good)
            assert taken.status_code == 201, (case, good, taken.text)


def test_all_problems_of_parameters_are_told_at_once(ask: Ask, upload: Upload, worker: object) -> None:
    parameters = "{who: {type: string}, times: {type: integer, default: 2, constraints: [{in_range: [1, 3]}]}}"
    upload("app", f"{HEAD}workflows: {{greet: {{mapping: say.sh, parameters: {parameters}}}}}\n")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    body = {"deployment_id": "d", "workflow_id": "greet", "parameters": {"times": 9, "zzz": 1}}
    refused = ask("POST", "/executions", json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "illegal_execution_parameters_error")
    assert refused.json()["message"].splitlines() == [
        'Workflow "greet" does not have the following parameters declared: zzz. '
        "Remove these parameters or use the flag for allowing custom parameters",
        'Workflow "greet" must be provided with the following parameters to execute: who',
        'Parameter "times" does not meet its constraints: `9` must be from 1 to 3',
    ]


def test_constraint_names_deployment_by_an_input(ask: Ask, upload: Upload, target: str) -> None:
    declared = (
        "inputs: {where: {type: deployment_id}, n: {type: node_id, constraints: [{deployment_id: {get_input: where}}]}}"
    )
    upload("app", f"{HEAD}{declared}\n", {})
    body = {"blueprint_id": "app", "inputs": {"where": "target", "n": "boxx"}}
    refused = ask("PUT", "/deployments/d", json=body).json()["message"]
    assert refused == "the input `n`: there is no node `boxx`; did you mean `box`?"
    assert ask("PUT", "/deployments/d", json={**body, "inputs": {"where": "target", "n": "box"}}).status_code == 201


def test_calls_in_parameters_are_evaluated_and_checked(ask: Ask, upload: Upload, run: Run) -> None:
    ask("PUT", "/secrets/key", json={"value": "hidden"})
    parameters = {
        "size": {"type": "integer", "default": {"get_input": "size"}, "constraints": [{"less_than": 9}]},
        "secret": {"default": {"get_secret": "key"}, "constraints": [{"max_length": 6}]},
    }
    script = "from cloudify.workflows import ctx, parameters as p\nctx.logger.info(f'{p.size} {len(p.secret)}')\n"
    workflow = json.dumps({"w": {"mapping": "w.py", "parameters": parameters}})
    upload("app", f"{HEAD}inputs: {{size: {{default: 7}}}}\nworkflows: {workflow}\n", {"w.py": script})
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    ended = run("d", "w")
    assert (ended["status"], ended["parameters"]["size"]) == ("terminated", 7)
    assert ended["parameters"]["secret"] == {"get_secret": "key"}
    events = ask("GET", f"/events?execution_id={ended['id']}&include_logs=true").json()["items"]
    assert "7 6" in [event["message"] for event in events]
    ask("PATCH", "/secrets/key", json={"value": "hidden-too"})
    body = {"deployment_id": "d", "workflow_id": "w", "parameters": {"size": {"get_input": "siez"}}}
    refused = ask("POST", "/executions", json=body).json()["message"].splitlines()
    assert refused[0].startswith('Parameter "size" cannot be evaluated: ')
    assert refused[1].startswith("Parameter \"secret\": the value of {'get_secret': 'key'} violates")
    assert "hidden" not in str(refused)


def test_constraints_call_functions_of_other_inputs(ask: Ask, upload: Upload) -> None:
    upload(
        "app", HEAD + "inputs: {top: {default: 5}, n: {type: integer, constraints: [{less_than: {get_input: top}}]}}\n"
    )
    body = {"blueprint_id": "app", "inputs": {"n": 6}}
    refused = ask("PUT", "/deployments/d", json=body)
    assert refused.json()["message"] == 'the input `n`: `6` must meet `less_than: {"get_input": "top"}`'
    assert ask("PUT", "/deployments/d", json={**body, "inputs": {"n": 6, "top": 7}}).status_code == 201
    refused = ask("PUT", "/deployments/e", json={**body, "inputs": {"n": 6, "top": "much"}})
    assert "`less_than` takes a number" in refused.json()["message"]


def test_values_are_checked_as_searches_find_them(ask: Ask, upload: Upload) -> None:
    ask("POST", "/tenants/red")
    ask("PUT", "/users", json={"username": "ann", "password": "long-password"})
    ask("PUT", "/tenants/users", json={"username": "ann", "tenant_name": "default_tenant", "role": "user"})
    types = "node_types: {app.Web: {derived_from: cloudify.nodes.Root}, app.Api: {derived_from: app.Web}}\n"
    upload("parts", f"{HEAD}{types}node_templates: {{api: {{type: app.Api}}, db: {{type: cloudify.nodes.Root}}}}\n")
    for name, visibility, label in (
        ("own", "private", "core"),
        ("shared", "tenant", "core"),
        ("other", "tenant", "web"),
    ):
        body = {"blueprint_id": "parts", "visibility": visibility, "labels": [{"team": label}]}
        assert ask("PUT", f"/deployments/{name}", json=body).status_code == 201
    rule = {"key": "team", "values": ["core"], "operator": "any_of", "type": "label"}
    ask("PUT", "/filters/deployments/core", json={"filter_rules": [rule]})
    by_filter = {"type": "deployment_id", "constraints": [{"filter_id": "core"}, {"tenants": ["default_tenant"]}]}
    in_shared = [{"deployment_id": "shared"}, {"valid_values": ["app.Web"]}]
    declared = {
        "one": {**by_filter, "required": False},
        "many": {"type": "list", "item_type": "deployment_id", "constraints": by_filter["constraints"], "default": []},
        "kind": {"type": "node_type", "constraints": in_shared, "required": False},
    }
    upload("app", f"{HEAD}inputs: {json.dumps(declared)}\n", {})

    def give(number: int, **inputs: Any) -> str:
        """Return the message that refuses the inputs of ann; empty text when they are taken."""
        body = {"blueprint_id": "app", "inputs": inputs}
        answer = ask("PUT", f"/deployments/d{number}", json=body, user="ann", password="long-password")
        return "" if answer.status_code == 201 else str(answer.json()["message"])

    assert give(1, one="shared", many=["shared"], kind="app.Api") == ""
    assert "the deployment `other` does not meet `filter_id: core`" in give(2, one="other")
    assert "there is no deployment `own`" in give(2, one="own"), "it is private, and another user's"
    assert "there is no deployment `own`" in give(2, many=["shared", "own"])
    assert "does not meet `valid_values: ['app.Web']`" in give(2, kind="cloudify.nodes.Root")
    assert "there is no node type `nosuch`" in give(2, kind="nosuch")
    ask("DELETE", "/filters/deployments/core")
    assert "Requested `DeploymentsFilter` with ID `core` was not found" in give(2, one="shared")


def test_parameters_name_things_in_the_tenant_of_the_deployment(ask: Ask, upload: Upload) -> None:
    upload("app", f"{HEAD}workflows: {{greet: {{mapping: say.sh, parameters: {{key: {{type: secret_key}}}}}}}}\n")
    ask("PUT", "/deployments/d", json={"blueprint_id": "app"})
    for path in ("/blueprints/app", "/deployments/d"):
        assert ask("PATCH", f"{path}/set-visibility", json={"visibility": "global"}).status_code == 200
    ask("POST", "/tenants/red")
    for key, tenant in (("own", "default_tenant"), ("of-red", "red")):
        assert ask("PUT", f"/secrets/{key}", json={"value": "x"}, tenant=tenant).status_code == 200
    for key, status in (("of-red", 400), ("own", 201)):
        body = {"deployment_id": "d", "workflow_id": "greet", "parameters": {"key": key}}
        started = ask("POST", "/executions", json=body, tenant="red")
        assert started.status_code == status, started.text
