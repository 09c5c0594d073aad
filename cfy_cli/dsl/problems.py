"""Problems of a blueprint, each with its location, and of the inputs of a deployment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from enum import StrEnum
from functools import cache

from cfy_cli.errors import CfyError, ErrorCode

MIN_SIMILARITY = 0.8  # of names, and of their last parts


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A position in a file; `file` is relative to the blueprint's root folder, lines and columns are counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    ERROR = "error"  # the blueprint cannot be used
    WARNING = "warning"  # it can be used, but probably does not mean what its author wants
    NOTE = "note"  # a part that could not be checked


@dataclass(frozen=True, slots=True)
class Problem:
    location: Location
    message: str
    rule: str
    severity: Severity = Severity.ERROR
    hint: str = ""  # what to write instead

    @property
    def text(self) -> str:
        """Return what is wrong, and what to write instead."""
        return f"{self.message}; {self.hint}" if self.hint else self.message

    @property
    def sentence(self) -> str:
        """Return the text, after the severity of what is no error."""
        return self.text if self.severity is Severity.ERROR else f"{self.severity}: {self.text}"

    def __str__(self) -> str:
        return f"{self.location}: {self.sentence}"


class Problems(list[Problem]):
    """All problems of a blueprint, without duplicates."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[Problem] = set()

    def add(self, location: Location, rule: str, message: str, hint: str = "") -> None:
        self._add(Problem(location, message, rule, hint=hint))

    def warn(self, location: Location, rule: str, message: str, hint: str = "") -> None:
        """Add a warning, unless the same is already an error."""
        if Problem(location, message, rule) in self._known:
            return
        self._add(Problem(location, message, rule, Severity.WARNING, hint))

    def note(self, location: Location, rule: str, message: str, hint: str = "") -> None:
        self._add(Problem(location, message, rule, Severity.NOTE, hint))

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self if problem.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Problem]:
        return [problem for problem in self if problem.severity is Severity.WARNING]

    @property
    def notes(self) -> list[Problem]:
        return [problem for problem in self if problem.severity is Severity.NOTE]

    def _add(self, problem: Problem) -> None:
        if problem not in self._known:
            self._known.add(problem)
            self.append(problem)


class BlueprintInvalid(CfyError):
    code = ErrorCode.INVALID_BLUEPRINT

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class InputsInvalid(CfyError):
    """Inputs that the blueprint does not allow; `problems` holds one sentence each."""

    code = ErrorCode.DEPLOYMENT_CREATION

    def __init__(self, problems: Sequence[str], *, code: str | None = None) -> None:
        super().__init__("\n".join(problems), code=code)
        self.problems = list(problems)


def suggest(word: object, words: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean ...?` with the closest of the known words, or an empty string."""
    matches = get_close_matches(str(word), sorted(words), n=1, cutoff=cutoff)
    return f"; did you mean `{matches[0]}`?" if matches else ""


@cache
def closest_name(name: str, known: frozenset[str]) -> str | None:
    """Return the known name that a name is probably meant to be.

    Long prefixes in common do not count, and `restart` is no mistake for `start`.
    """
    for match in get_close_matches(name, sorted(known), n=1, cutoff=MIN_SIMILARITY):
        written, meant = name.rpartition(".")[2], match.rpartition(".")[2]
        is_compound = len(written) > len(meant) + 1 and (written.startswith(meant) or written.endswith(meant))
        if not is_compound and SequenceMatcher(None, written, meant).ratio() >= MIN_SIMILARITY:
            return match
    return None


def quote_all(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
