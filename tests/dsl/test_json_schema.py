"""The JSON schema for editors takes what the compiler takes, and refuses what is wrong in form."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from cfy_cli import dsl
from cfy_cli.dsl import reference
from cfy_cli.dsl.json_schema import blueprint_schema
from tests.dsl.golden_plans import GOOD


@pytest.fixture(scope="module")
def schema() -> Any:
    return jsonschema_rs.validator_for(blueprint_schema(dsl.find_definitions(reference.BASIC)))


def load(text: str) -> Any:
    return yaml.safe_load(text)


def test_schema_takes_every_valid_blueprint(schema: Any) -> None:
    wrong = {path.name: str(error) for path in GOOD for error in schema.iter_errors(load(path.read_text()))}
    assert wrong == {}
    for text in reference.rules().values():
        schema.validate(load(reference.complete_example(text.get("good", ""))))


@pytest.mark.parametrize("rule", ["choice", "range", "unknown-key", "version"])
def test_schema_refuses_what_is_wrong_in_form(schema: Any, rule: str) -> None:
    assert not schema.is_valid(load(reference.complete_example(reference.rules()[rule]["bad"])))


def test_schema_refuses_a_relationship_without_target(schema: Any) -> None:
    template = {"type": "cloudify.nodes.Root", "relationships": [{"type": "cloudify.relationships.depends_on"}]}
    assert not schema.is_valid({"node_templates": {"web": template}})


def test_schema_proposes_types_of_the_blueprint(tmp_path: Path) -> None:
    main = tmp_path / "blueprint.yaml"
    main.write_text(f"{reference.HEAD}node_types: {{own: {{derived_from: cloudify.nodes.Root}}}}\n")
    text = str(blueprint_schema(dsl.find_definitions(main)))
    assert "'own'" in text
    assert "cloudify.nodes.Compute" in text
