"""Functions of names that are numbers, in the outputs of a deployment."""

from tests.conftest import Ask
from tests.manager.conftest import Upload

BLUEPRINT = """
tosca_definitions_version: cloudify_dsl_1_5
node_types: {t: {properties: {number: {default: 3}}}}
node_templates: {n: {type: t}}
outputs:
  attribute: {value: {get_attribute: [{get_property: [n, number]}, 2]}}
  attributes: {value: {get_attributes_list: [{get_property: [n, number]}, 2]}}
  secret: {value: {get_secret: [3, 2]}}
  capability: {value: {get_capability: [3, 2]}}
  group: {value: {get_group_capability: [3, 2]}}
  label: {value: {get_label: ['3', 2]}}
  fine: {value: {get_attribute: [n, 3]}}
"""


def test_numbers_for_names_fail_in_their_own_output(ask: Ask, upload: Upload):
    ask("PUT", "/secrets/3", json={"value": "x"})
    upload("app", BLUEPRINT)
    created = ask("PUT", "/deployments/app", json={"blueprint_id": "app"})
    assert created.status_code == 201, created.text
    outputs = ask("GET", "/deployments/app/outputs").json()["outputs"]
    assert outputs.pop("fine") is None
    assert {name: value.startswith("<ERROR: ") for name, value in outputs.items()} == dict.fromkeys(outputs, True)
