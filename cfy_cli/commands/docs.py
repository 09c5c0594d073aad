"""`cfy docs`: read the documentation in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cfy_cli.shell.documentation import Page


@click.command("docs", cls=Command)
@click.argument("word", nargs=-1)
@click.option("--print", "prints", is_flag=True, help="Print it, and do not open the browser.")
@pass_app
def cli(app: App, word: tuple[str, ...], prints: bool) -> None:
    """Show the page, or the section of a page, that is named WORD; without WORD, list the pages.

    In a terminal with a display, it is opened in the browser; otherwise, and with --print, it is printed. Types,
    functions, workflows, rules and commands are explained as by `cfy explain`.
    """
    from cfy_cli.contract.resource import Resource
    from cfy_cli.output.render import terminal_width
    from cfy_cli.shell.documentation import (
        DEFAULT_WIDTH,
        find_page,
        has_display,
        load_pages,
        open_in_browser,
        wrap,
    )

    pages = load_pages()
    if not word:
        resource = Resource("pages", "page", "name", ("name", "title"), heading="Pages", tenanted=False)
        items = [{"name": page.name, "title": page.title} for page in pages.values()]
        app.show_items(items, resource, resource.columns)
        app.note("To read one: cfy docs NAME")
        return
    typed = " ".join(word)
    found = find_page(pages, typed)
    if found is None:
        _explain(app, word, pages)
        return
    is_opened = not (prints or app.as_data) and sys.stdout.isatty() and has_display(app.environ)
    if is_opened and open_in_browser(found, app.home / "cache" / "docs"):
        app.say(f"`{found.page.title}` opened in the browser; to print it: cfy docs {typed} --print")
        return
    app.result(wrap(found.text, terminal_width() or DEFAULT_WIDTH), {"word": typed, "text": found.text})


def _explain(app: App, word: tuple[str, ...], pages: Mapping[str, Page]) -> None:
    """Explain a word that no page is about. Raises NotFound with similar words, and pages that contain it."""
    from cfy_cli.commands.explain import find_command
    from cfy_cli.dsl.problems import suggest
    from cfy_cli.errors import NotFound
    from cfy_cli.output.explanations import describe
    from cfy_cli.shell.definitions import load_definitions
    from cfy_cli.shell.documentation import find_mentions
    from cfy_cli.shell.explanations import explain, known_words

    typed, definitions = " ".join(word), load_definitions(app, None, None, ())
    if found := explain(typed, definitions, find_command(word)):
        text = "\n\n".join("\n".join(describe(each)) for each in found)
        app.result(text, {"word": typed, "text": text})
        return
    names = [*(page.name.rpartition("/")[2] for page in pages.values()), *known_words(definitions)]
    mentions = find_mentions(pages, typed)
    raise NotFound(
        f"There is no page or section `{typed}`{suggest(typed, names)}",
        hint=f"Pages that contain it: {', '.join(mentions)}" if mentions else "For all pages: cfy docs",
    )
