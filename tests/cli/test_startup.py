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


def test_a_table_of_plain_letters_looks_for_no_wide_ones() -> None:
    code = "import sys\nfrom cfy_cli.output.table import table\nplain = table(['name'], [['tlv']])\n"
    code += "assert not any('wcwidth' in name for name in sys.modules)\n"
    code += "print(plain, table(['name'], [['東京']]), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30)
    assert "| tlv  |" in done.stdout
    assert "| 東京 |" in done.stdout  # four columns wide
