"""Man pages: sections in their order, paragraphs at the margin, no warnings of formatters."""

import re
import shutil
import subprocess

import pytest

from cfy_cli.pages import FOLDER

PAGES = sorted((FOLDER / "man").glob("*.1"))
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXAMPLES", "CONFIGURATION FILE", "EXIT STATUS",
            "ENVIRONMENT", "FILES", "SEE ALSO"]  # fmt: skip
LINTERS = {
    "mandoc": (["mandoc", "-Tlint", "-W", "warning"], "missing date"),
    "groff": (["groff", "-man", "-ww", "-z"], None),
}


def test_page_has_sections_in_order_and_lines_at_the_margin() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        sections = re.findall(r"^\.SH (.+)$", text, re.MULTILINE)
        assert sections == [name for name in SECTIONS if name in sections], page
        assert {"NAME", "SYNOPSIS", "DESCRIPTION"} <= {*sections}, page
        filled = re.sub(r"^\.nf\n.*?^\.fi\n", "", text, flags=re.MULTILINE | re.DOTALL)
        assert [line for line in filled.splitlines() if not line.strip() or line.startswith(" ")] == [], page
        assert "`" not in filled, page


@pytest.mark.parametrize("linter", LINTERS)
def test_formatters_have_no_warnings(linter: str) -> None:
    if not shutil.which(linter):
        pytest.skip(f"{linter} is absent")
    command, expected = LINTERS[linter]
    done = subprocess.run([*command, *PAGES], capture_output=True, text=True, check=False, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    assert [line for line in lines if not (expected and expected in line)] == []


def test_references_between_pages_exist() -> None:
    names = {page.stem for page in PAGES}
    for page in PAGES:
        found = re.findall(r"\\fB(cfy[^\\]*(?:\\-[^\\]+)*)\\fP\(1\)", page.read_text("utf-8"))
        assert {name.replace("\\-", "-") for name in found} <= names
