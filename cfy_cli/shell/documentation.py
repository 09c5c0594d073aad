"""Pages of the documentation that are installed with the program."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from pathlib import Path

import cfy_cli
from cfy_cli.shell.environment_page import build_environment_page

PACKAGE = Path(cfy_cli.__file__).parent
FOLDERS = (PACKAGE / "docs", PACKAGE.parent / "docs")  # of an installation, and of a checkout
DEFAULT_WIDTH = 80
BUILT = PACKAGE.parent / "build" / "docs"  # of `make docs` in a checkout
TEXT_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{title}</title>
<pre style="max-width: 80ch; margin: 2em auto; white-space: pre-wrap">{text}</pre></html>
"""
HEADING = re.compile(r"^(#+) +(.*)$")


@dataclass(frozen=True)
class Page:
    name: str  # `how-to/secrets`
    read: Callable[[], str]

    @cached_property
    def text(self) -> str:
        return self.read()

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
    names = [file.relative_to(folder).with_suffix("").as_posix() for file in files]
    pages = {name: Page(name, partial(file.read_text, "utf-8")) for name, file in zip(names, files, strict=True)}
    generated = "reference/environment"
    return pages | {generated: Page(generated, lambda: "\n".join(build_environment_page()))}


@dataclass(frozen=True)
class Found:
    """A page, or a section of it."""

    page: Page
    section: str | None  # its heading
    text: str


def find_page(pages: Mapping[str, Page], word: str) -> Found | None:
    """Return the page or the section of a page with this name."""
    wanted = word.lower().removesuffix(".md")
    for page in pages.values():
        if wanted in (page.name, page.name.rpartition("/")[2], page.title.lower()):
            return Found(page, None, page.text.strip())
    sections = ((page, page.find_section(word)) for page in pages.values())
    return next((Found(page, word, text) for page, text in sections if text), None)


def find_mentions(pages: Mapping[str, Page], word: str) -> list[str]:
    """Return the names of the pages that contain the word."""
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return [page.name for page in pages.values() if whole.search(page.text)]


def has_display(environ: Mapping[str, str]) -> bool:
    """Tell whether a browser can show a window."""
    return sys.platform == "darwin" or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_in_browser(found: Found, folder: Path) -> bool:
    """Open the page in the browser: as `make docs` has built it, or else as text in a file of the folder."""
    import webbrowser

    built = BUILT / found.page.name.removesuffix("index") / "index.html"
    if not built.is_file():
        built = folder / f"{found.page.name.replace('/', '-')}.html"
        folder.mkdir(parents=True, exist_ok=True)
        built.write_text(TEXT_PAGE.format(title=escape(found.page.title), text=escape(found.text)), encoding="utf-8")
        return webbrowser.open(built.resolve().as_uri())
    anchor = f"#{re.sub(r'[^a-z0-9_]+', '-', found.section.lower()).strip('-')}" if found.section else ""
    return webbrowser.open(built.resolve().as_uri() + anchor)


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
