"""The check of Python before an installation."""

import runpy
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def run_check(monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...]) -> None:
    """Run the build hook as hatchling does, with another version of Python."""
    interface = ModuleType("hatchling.metadata.plugin.interface")
    interface.MetadataHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    monkeypatch.setattr(sys, "version_info", version)
    runpy.run_path(str(ROOT / "hatch_build.py"))


def test_old_python_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"^cfy needs Python 3\.11 or newer, and this is Python [\d.]+\.$"):
        run_check(monkeypatch, (3, 10, 13))
    run_check(monkeypatch, (3, 11, 2))


def test_required_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in (ROOT / "README.md").read_text("utf-8")
