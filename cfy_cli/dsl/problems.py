"""Problems of a blueprint, each with its location, and of the inputs of a deployment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from cfy_cli.errors import CfyError, ErrorCode


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A position in a file; `file` is relative to the blueprint's root folder, lines and columns are counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    location: Location
    message: str
    rule: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


class Problems(list[Problem]):
    """All problems of a blueprint, without duplicates."""

    def __init__(self) -> None:
        super().__init__()
        self._known: set[Problem] = set()

    def add(self, location: Location, rule: str, message: str) -> None:
        problem = Problem(location, message, rule)
        if problem not in self._known:
            self._known.add(problem)
            self.append(problem)

    def __str__(self) -> str:
        return "\n".join(map(str, self))


class BlueprintInvalid(CfyError):
    code = ErrorCode.INVALID_BLUEPRINT

    def __init__(self, problems: Problems) -> None:
        super().__init__(str(problems))
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


def quote_all(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
