"""Linting of blueprints in files and folders, with output as text, data or annotations of GitHub Actions."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cfy_cli.dsl import Problem, Severity, find_imported_files, lint
from cfy_cli.errors import Usage
from cfy_cli.output import render
from cfy_cli.output.excerpts import format_excerpt
from cfy_cli.shell.app import App
from cfy_cli.shell.import_sources import ImportSources

BLUEPRINT_MARK = b"tosca_definitions_version"  # the key that every blueprint has
MAX_FILE_SIZE = 10_000_000  # bytes


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A problem, with its file as seen from the current folder; `path` is None for a file of the program."""

    problem: Problem
    file: str
    path: Path | None

    @property
    def data(self) -> dict[str, str | int]:
        place = self.problem.location
        return {
            "file": self.file,
            "line": place.line,
            "column": place.column,
            "message": self.problem.message,
            "rule": self.problem.rule,
            "severity": str(self.problem.severity),
            "hint": self.problem.hint,
        }

    @property
    def sentence(self) -> str:
        place = self.problem.location
        return f"{self.file}:{place.line}:{place.column}: {self.problem.sentence} [{self.problem.rule}]"

    @property
    def is_error(self) -> bool:
        return self.problem.severity is Severity.ERROR

    @property
    def is_note(self) -> bool:
        return self.problem.severity is Severity.NOTE

    @property
    def annotation(self) -> str:
        """The workflow command of GitHub Actions for an annotation."""
        place, problem = self.problem.location, self.problem
        file, title = _escape_property(self.file), _escape_property(problem.rule)
        location = f"file={file},line={place.line},col={place.column},title={title}"
        level = "notice" if self.is_note else problem.severity
        return f"::{level} {location}::{_escape_data(problem.text)}"

    def excerpt(self, width: int | None) -> str:
        place = self.problem.location
        return format_excerpt(_read(self.path), place.line, place.column, width) if self.path else ""


def lint_blueprint(app: App, blueprint: Path, plugin_yamls: Sequence[str] = ()) -> list[LintFinding]:
    """Return the problems of a blueprint, which can import files of its own folder and of the current one.

    The files of imported plugins are `plugin_yamls`, or come from the manager in use.
    """
    current = Path.cwd()
    boundary = current if blueprint.resolve().is_relative_to(current) else None
    problems = lint(blueprint, resolver=ImportSources(app, plugin_yamls), boundary=boundary)
    return [_locate(problem, blueprint.parent) for problem in problems]


def find_blueprints(paths: Sequence[str]) -> list[Path]:
    """Return the given files, and the blueprints in given folders that no other one imports. Raises Usage."""
    blueprints: list[Path] = []
    for typed in paths:
        path = Path(typed)
        if not path.exists():
            raise Usage(f"The file {typed} does not exist")
        if path.is_dir():
            inside = list(_find_in_folder(path))
            if not inside:
                hint = f"A blueprint has the key `{BLUEPRINT_MARK.decode()}`."
                raise Usage(f"There is no blueprint in {typed}", hint=hint)
            imported = {file for blueprint in inside for file in find_imported_files(blueprint)}
            blueprints += [blueprint for blueprint in inside if blueprint.resolve() not in imported]
        else:
            blueprints.append(path)
    return list(dict.fromkeys(blueprints))


def count_findings(findings: Sequence[LintFinding]) -> str:
    """Return how many there are of each severity: `2 problems, 1 warning, 1 note`."""
    errors, notes = sum(finding.is_error for finding in findings), sum(finding.is_note for finding in findings)
    counts = ((errors, "problem"), (len(findings) - errors - notes, "warning"), (notes, "note"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count) or "no problems"


def show_findings(app: App, findings: list[LintFinding], format_name: str | None) -> None:
    """Print the findings in the requested format; on a terminal with excerpts of the files."""
    if format_name == "github":
        for finding in findings:
            render.line(finding.annotation)
        return
    app.options.format = format_name or app.options.format
    if app.as_data:
        app.answer([finding.data for finding in findings])
        return
    for line in format_lines(findings, excerpts=render.terminal_width() is not None):
        render.line(line)


def format_lines(findings: Sequence[LintFinding], *, excerpts: bool) -> Iterator[str]:
    for finding in findings:
        yield finding.sentence
        excerpt = finding.excerpt(shutil.get_terminal_size().columns) if excerpts else ""
        if excerpt:
            yield excerpt


def _find_in_folder(folder: Path) -> Iterator[Path]:
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(directory, name)
            is_small_yaml = path.suffix in (".yaml", ".yml") and path.stat().st_size < MAX_FILE_SIZE
            if is_small_yaml and BLUEPRINT_MARK in path.read_bytes():
                yield path


def _locate(problem: Problem, folder: Path) -> LintFinding:
    path = Path(os.path.normpath(folder / problem.location.file))
    is_local = path.is_file()
    return LintFinding(problem, str(path) if is_local else problem.location.file, path if is_local else None)


@lru_cache(maxsize=4)
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.stat().st_size < MAX_FILE_SIZE else ""


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
