"""What is wrong with blueprints on this machine: of several files and folders, for people and for programs."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cfy_cli.dsl import Problem, imported_files, lint
from cfy_cli.errors import Usage
from cfy_cli.output import render
from cfy_cli.output.excerpts import excerpt
from cfy_cli.shell.app import App

MARK = b"tosca_definitions_version"
LARGEST = 10_000_000  # bytes; no blueprint's file is larger


@dataclass(frozen=True, slots=True)
class Found:
    """A problem, and its file as seen from the current folder; `path` is None where the file is not on this machine."""

    problem: Problem
    file: str
    path: Path | None

    @property
    def data(self) -> dict[str, str | int]:
        place = self.problem.place
        where: dict[str, str | int] = {"file": self.file, "line": place.line, "column": place.column}
        return {**where, "message": self.problem.message, "rule": self.problem.rule}

    @property
    def sentence(self) -> str:
        place = self.problem.place
        return f"{self.file}:{place.line}:{place.column}: {self.problem.message} [{self.problem.rule}]"

    def excerpt(self, width: int | None) -> str:
        place = self.problem.place
        return excerpt(_text(self.path), place.line, place.column, width) if self.path else ""

    @property
    def annotation(self) -> str:
        """As GitHub's actions show it beside the changed lines."""
        place, problem = self.problem.place, self.problem
        where = f"file={_property(self.file)},line={place.line},col={place.column},title={_property(problem.rule)}"
        return f"::error {where}::{_data(problem.message)}"


def problems_of(blueprint: Path) -> list[Found]:
    return [_found(problem, blueprint.parent) for problem in lint(blueprint)]


def blueprints_in(paths: Sequence[str]) -> list[Path]:
    """The files that were named, and of named folders all blueprints that no other there imports. Raises Usage."""
    found: list[Path] = []
    for typed in paths:
        path = Path(typed)
        if not path.exists():
            raise Usage(f"There is no file {typed}")
        if path.is_dir():
            inside = list(_inside(path))
            if not inside:
                raise Usage(f"There is no blueprint in {typed}", hint=f"A blueprint begins with `{MARK.decode()}`.")
            imported = {each for blueprint in inside for each in imported_files(blueprint)}
            found += [blueprint for blueprint in inside if blueprint.resolve() not in imported]
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def show(app: App, found: list[Found], shown_as: str | None) -> None:
    """In the format that was asked for; to people at a terminal with the lines that the problems are about."""
    if shown_as == "github":
        for each in found:
            render.line(each.annotation)
        return
    app.format = shown_as or app.format
    if app.as_data:
        app.answer([each.data for each in found])
        return
    for line in sentences(found, excerpts=render.terminal_width() is not None):
        render.line(line)


def sentences(found: Sequence[Found], *, excerpts: bool) -> Iterator[str]:
    for each in found:
        yield each.sentence
        lines = each.excerpt(shutil.get_terminal_size().columns) if excerpts else ""
        if lines:
            yield lines


def _inside(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here, name)
            if path.suffix in (".yaml", ".yml") and path.stat().st_size < LARGEST and MARK in path.read_bytes():
                yield path


def _found(problem: Problem, folder: Path) -> Found:
    path = folder / problem.place.file
    is_here = path.is_file()
    return Found(problem, str(path) if is_here else problem.place.file, path if is_here else None)


@lru_cache(maxsize=4)
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.stat().st_size < LARGEST else ""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
