"""Start-up: heavy modules are imported only when needed."""

import subprocess
import sys

import pytest

HEAVY = ("requests", "yaml", "sqlalchemy", "fastapi", "pathlib", "json", "urllib.request")
NESTED = ("cfy_cli.commands.deployment_groups", "cfy_cli.commands.deployment_schedule")


@pytest.mark.parametrize("words", [["--help"], ["sites", "create", "--help"], ["deployments", "create", "--help"]])
def test_help_imports_no_heavy_modules(words: list[str]) -> None:
    code = f"import sys\nsys.argv[1:] = {words}\nfrom cfy_cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += f"sys.exit(' '.join(name for name in {HEAVY + NESTED} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == ""
    assert done.stdout.startswith("Usage: cfy")


def test_table_width_of_wide_characters() -> None:
    code = "from cfy_cli.output.table import format_table\nplain = format_table(['name'], [['tlv']])\n"
    code += "print(plain, format_table(['name'], [['東京']]), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert "| tlv  |" in done.stdout
    assert "| 東京 |" in done.stdout  # four columns wide
