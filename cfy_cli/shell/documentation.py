"""Pages of the documentation that are installed with the program."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cfy_cli

PACKAGE = Path(cfy_cli.__file__).parent
FOLDERS = (PACKAGE / "docs", PACKAGE.parent / "docs")  # of an installation, and of a checkout
DEFAULT_WIDTH = 80
HEADING = re.compile(r"^(#+) +(.*)$")


@dataclass(frozen=True)
class Page:
    name: str  # `how-to/secrets`
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def title(self) -> str:
        return next(self._headings())[2]

    def find_section(self, word: str) -> str | None:
        """Return the part of the page whose heading is `word`, without regard to case."""
        for line, level, heading in self._headings():
            if heading.strip("`").lower() == word.lower():
                ends = [other for other, depth, _ in self._headings() if other > line and depth <= level]
                return "\n".join(self.text.splitlines()[line : min(ends, default=None)]).strip()
        return None

    def _headings(self) -> Iterator[tuple[int, int, str]]:
        """Yield the number of the line, the level and the text of each heading outside of code."""
        in_code = False
        for number, line in enumerate(self.text.splitlines()):
            if line.lstrip().startswith("```"):
                in_code = not in_code
            elif not in_code and (match := HEADING.match(line)):
                yield number, len(match[1]), match[2]


def load_pages() -> Mapping[str, Page]:
    """Return the pages by name."""
    folder = next((folder for folder in FOLDERS if (folder / "index.md").is_file()), None)
    if folder is None:
        return {}
    files = sorted(folder.rglob("*.md"))
    return {name: Page(name, file) for file in files if (name := file.relative_to(folder).with_suffix("").as_posix())}


def find_text(pages: Mapping[str, Page], word: str) -> str | None:
    """Return the page or the section of a page with this name."""
    wanted = word.lower().removesuffix(".md")
    for page in pages.values():
        if wanted in (page.name, page.name.rpartition("/")[2], page.title.lower()):
            return page.text.strip()
    return next((section for page in pages.values() if (section := page.find_section(word))), None)


def wrap(text: str, width: int) -> str:
    """Fold the paragraphs and lists of a page to the width; code, tables and headings stay as they are."""
    lines: list[str] = []
    paragraph: list[str] = []
    in_code = False
    for line in [*text.splitlines(), ""]:
        if line.startswith("```"):
            in_code = not in_code
        if in_code or not line.strip() or line.startswith(("```", "|", "#")):
            lines += [*_fold(paragraph, width), line]
            paragraph = []
        elif line.startswith("- "):
            lines += _fold(paragraph, width)
            paragraph = [line]
        else:
            paragraph.append(line)
    return "\n".join(lines).strip()


def _fold(paragraph: list[str], width: int) -> list[str]:
    indent = "  " if paragraph and paragraph[0].startswith("- ") else ""
    joined = " ".join(line.strip() for line in paragraph)
    return textwrap.wrap(joined, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
