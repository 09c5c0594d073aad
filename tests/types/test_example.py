"""The bundled example: its blueprint and scripts are consistent and valid."""

import ast
import subprocess
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def hello() -> Iterator[Path]:
    with as_file(files("cfy_cli").joinpath("examples/hello")) as folder:
        yield folder


def implementations(value: Any) -> Iterator[str]:
    """Iterate over the scripts, or their texts, of all operations: `implementation: ...` or `start: scripts/...`."""
    for name, child in value.items() if isinstance(value, dict) else ():
        if isinstance(child, str) and (name == "implementation" or child.startswith("scripts/")):
            yield child
        else:
            yield from implementations(child)


def test_blueprint_uses_all_scripts_of_folder(hello: Path) -> None:
    blueprint = yaml.safe_load((hello / "blueprint.yaml").read_text("utf-8"))
    named = {text for text in implementations(blueprint) if "\n" not in text}
    assert named == {f"scripts/{script.name}" for script in (hello / "scripts").iterdir() if script.is_file()}


def test_scripts_are_valid_bash_and_python(hello: Path) -> None:
    blueprint = yaml.safe_load((hello / "blueprint.yaml").read_text("utf-8"))
    inline = [text for text in implementations(blueprint) if "\n" in text]
    for script in (hello / "scripts").glob("*.py"):
        ast.parse(script.read_text("utf-8"))
    for text in [*inline, *(script.read_text("utf-8") for script in (hello / "scripts").glob("*.sh"))]:
        assert text.startswith("#!/usr/bin/env bash\n")
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
