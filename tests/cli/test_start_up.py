"""Starting is quick: nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

HEAVY = ("requests", "yaml", "tabulate", "sqlalchemy", "fastapi", "pathlib", "json", "urllib.request")


@pytest.mark.parametrize("words", [["--help"], ["sites", "create", "--help"], ["deployments", "create", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = f"import sys\nsys.argv[1:] = {words}\nfrom cfy_cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += f"sys.exit(' '.join(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    assert done.stderr.strip() == ""
    assert done.stdout.startswith("Usage: cfy")
