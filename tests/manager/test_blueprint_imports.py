"""Imports of blueprints that are uploaded."""

import pytest

from tests.conftest import Ask
from tests.manager.conftest import Upload
from tests.manager.web import serving
from tests.wagons import package

pytestmark = pytest.mark.sqlite

ADDRESSES = (
    "http://www.getcloudify.org/spec/cloudify/3.4.2/types.yaml",
    "https://www.getcloudify.org/spec/cloudify/4.5.5/types.yaml",
    "http://getcloudify.org/spec/cloudify/4.3.dev1/types.yaml",
    "https://cloudify.co/spec/cloudify/5.1.0/types.yaml",
    "http://www.cloudify.co/spec/cloudify/6.3.0/types.yaml",
    "https://cloudify.co/spec/cloudify/6.4.0/types_1_4.yaml",
    "https://raw.githubusercontent.com/cloudify-cosmo/cloudify-manager/master"
    "/resources/rest-service/cloudify/types/types.yaml",
)
ROOT = "node_templates: {n: {type: cloudify.nodes.Root}}\n"


def blueprint(imports: str, body: str = ROOT, version: str = "1_3") -> str:
    return f"tosca_definitions_version: cloudify_dsl_{version}\nimports: [{imports}]\n{body}"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str, *_: object, **__: object) -> None:
        raise AssertionError(f"{address} was requested")

    monkeypatch.setattr("cfy_cli.manager.services.blueprints.import_resolver.fetch", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("address", ADDRESSES)
def test_published_address_means_the_basic_types(upload: Upload, address: str):
    answer = upload("app", blueprint(address)).json()
    assert answer["state"] == "uploaded", answer["error"]
    assert "install" in answer["plan"]["workflows"]


@pytest.mark.usefixtures("offline")
def test_several_names_of_the_basic_types_are_one_import(upload: Upload):
    answer = upload("app", blueprint(", ".join((*ADDRESSES, "cloudify/types/types.yaml")))).json()
    assert answer["state"] == "uploaded", answer["error"]


def test_imported_address_may_import_the_basic_types(upload: Upload):
    with serving(
        b"imports: [cloudify/types/types.yaml]\nnode_types: {t: {derived_from: cloudify.nodes.Root}}\n"
    ) as url:
        answer = upload("app", blueprint(url, "node_templates: {n: {type: t}}\n")).json()
    assert answer["state"] == "uploaded", answer["error"]
    assert answer["plan"]["nodes"][0]["type_hierarchy"] == ["cloudify.nodes.Root", "t"]


def test_import_above_the_main_file_is_found_in_the_archive(ask: Ask, upload: Upload):
    files = {
        "plugin.yaml": "node_types: {t: {}}\n",
        "examples/a/b/main.yaml": blueprint("../../../plugin.yaml", "node_templates: {n: {type: t}}\n"),
    }
    answer = upload("app", files=files, application_file_name="examples/a/b/main.yaml").json()
    assert answer["state"] == "uploaded", answer["error"]
    assert ask("GET", "/events?include_logs=true&level=warning").json()["items"] == []


@pytest.mark.parametrize("path", ["../../../plugin.yaml", "../" * 30 + "etc/hostname", "a/../../../../plugin.yaml"])
def test_import_outside_of_the_archive_is_refused(upload: Upload, path: str):
    files = {"plugin.yaml": "node_types: {t: {}}\n", "examples/main.yaml": blueprint(path)}
    answer = upload("app", files=files, application_file_name="examples/main.yaml").json()
    assert answer["error_code"] == "invalid_blueprint_error"
    assert f"`{path}` is outside the blueprint's folder" in answer["message"] or "was not found" in answer["message"]


PLUGIN = """
plugins: {tiny: {executor: central_deployment_agent, package_name: tiny-plugin, package_version: 1.0.0}}
data_types: {tiny.data: {properties: {d: {type: deployment_id}}}}
inputs: {tiny_input: {type: blueprint_id, default: b, constraints: [{filter_id: f}]}}
node_types:
  tiny.Node:
    properties: {p: {type: secret_key, default: key}}
    interfaces: {i: {op: {implementation: tiny.m.op, inputs: {n: {type: node_id, default: n}}}}}
relationships:
  tiny.rel:
    source_interfaces: {i: {op: {implementation: tiny.m.op, inputs: {n: {type: node_type, default: t}}}}}
    target_interfaces: {i: {op: {implementation: tiny.m.op, inputs: {n: {type: scaling_group, default: g}}}}}
workflows:
  run:
    mapping: tiny.m.run
    parameters:
      d: {type: deployment_id, default: d}
      all: {type: list, item_type: string, default: []}
      x: {default: 1}
    availability_rules: {node_instances_active: [all]}
"""
NODE = "node_templates: {n: {type: tiny.Node}}\n"


@pytest.mark.parametrize("version", ["1_2", "1_3", "1_4"])
@pytest.mark.parametrize("file", ["plugin.yaml", "plugin_1_4.yaml"])
def test_plugin_is_reduced_for_blueprints_of_earlier_versions(ask: Ask, upload: Upload, version: str, file: str):
    """Test that its types lose what the version of the blueprint does not have, as on public managers."""
    assert ask("POST", "/plugins", data=package(yamls={file: PLUGIN})).status_code == 201
    answer = upload("app", blueprint("'plugin:tiny-plugin'", NODE, version)).json()
    assert answer["state"] == "uploaded", answer["error"]
    plan = answer["plan"]
    is_reduced = version != "1_4"
    assert plan["inputs"]["tiny_input"]["type"] == ("string" if is_reduced else "blueprint_id")
    assert ("constraints" in plan["inputs"]["tiny_input"]) is not is_reduced
    workflow = plan["workflows"]["run"]
    assert workflow["availability_rules"] == (None if is_reduced else {"node_instances_active": ["all"]})
    assert sorted(workflow["parameters"]) == (["d", "x"] if is_reduced else ["all", "d", "x"])


def test_own_file_with_later_words_is_refused(upload: Upload):
    answer = upload("app", blueprint("plugin.yaml", NODE), files={"plugin.yaml": PLUGIN}).json()
    assert answer["error_code"] == "invalid_blueprint_error"
    assert "this needs cloudify_dsl_1_4 or later" in answer["message"]


def test_plugin_file_that_libyaml_refuses_is_imported(ask: Ask, upload: Upload):
    text = PLUGIN.replace("default: key", "default:{concat:[a, b]}")
    assert ask("POST", "/plugins", data=package(yamls={"plugin.yaml": text})).status_code == 201
    answer = upload("app", blueprint("'plugin:tiny-plugin'", NODE, "1_4")).json()
    assert answer["state"] == "uploaded", answer["error"]


def test_duplicate_keys_of_a_plugin_are_logged_as_warnings(ask: Ask, upload: Upload):
    text = PLUGIN.replace("x: {default: 1}", "x: {default: 1, default: 2}")
    assert ask("POST", "/plugins", data=package(yamls={"plugin.yaml": text})).status_code == 201
    answer = upload("app", blueprint("'plugin:tiny-plugin'", NODE, "1_4")).json()
    assert answer["plan"]["workflows"]["run"]["parameters"]["x"]["default"] == 2
    [log] = ask("GET", "/events?include_logs=true&level=warning").json()["items"]
    assert log["message"].startswith("plugin:tiny-plugin:")
    assert "`default` is already set at plugin:tiny-plugin:" in log["message"]


def test_many_warnings_are_logged_in_part(ask: Ask, upload: Upload):
    upload("app", blueprint("cloudify/types/types.yaml") + "description: a\n" * 100)
    logs = [log["message"] for log in ask("GET", "/events?include_logs=true&level=warning").json()["items"]]
    assert len(logs) == 21
    assert logs[-1] == "There are 79 more warnings"
