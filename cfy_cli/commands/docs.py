"""`cfy docs`: read the documentation in the terminal."""

from __future__ import annotations

import click

from cfy_cli.shell.app import App, pass_app
from cfy_cli.shell.command_tree import Command


@click.command("docs", cls=Command)
@click.argument("word", nargs=-1)
@pass_app
def cli(app: App, word: tuple[str, ...]) -> None:
    """Print the page, or the section of a page, that is named WORD; without WORD, list the pages.

    For types, functions, workflows, rules and commands there is `cfy explain`.
    """
    from cfy_cli.contract.resource import Resource
    from cfy_cli.dsl.problems import suggest
    from cfy_cli.errors import NotFound
    from cfy_cli.output.render import terminal_width
    from cfy_cli.shell.documentation import DEFAULT_WIDTH, find_text, load_pages, wrap

    pages = load_pages()
    if not word:
        resource = Resource("pages", "page", "name", ("name", "title"), heading="Pages", tenanted=False)
        items = [{"name": page.name, "title": page.title} for page in pages.values()]
        app.show_items(items, resource, resource.columns)
        app.note("To read one: cfy docs NAME")
        return
    typed = " ".join(word)
    text = find_text(pages, typed)
    if text is None:
        names = [page.name.rpartition("/")[2] for page in pages.values()]
        raise NotFound(
            f"There is no page or section `{typed}`{suggest(typed, names)}",
            hint=f"For all pages: cfy docs; for words of the language and commands: cfy explain {typed}",
        )
    app.result(wrap(text, terminal_width() or DEFAULT_WIDTH), {"word": typed, "text": text})
