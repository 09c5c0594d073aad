"""What is wrong with a blueprint or with the inputs given to it, and where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from cfy_cli.errors import CfyError, ErrorCode


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written; `file` is relative to the blueprint's root folder, lines and columns begin at 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    place: Place
    message: str
    rule: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Problems(list[Problem]):
    """Everything wrong with a blueprint: all of it is told, not the first of it, and each once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[Problem] = set()

    def add(self, place: Place, rule: str, message: str) -> None:
        problem = Problem(place, message, rule)
        if problem not in self._told:
            self._told.add(problem)
            self.append(problem)

    def __str__(self) -> str:
        return "\n".join(map(str, self))


class BlueprintInvalid(CfyError):
    code = ErrorCode.INVALID_BLUEPRINT

    def __init__(self, problems: Problems) -> None:
        super().__init__(str(problems))
        self.problems = problems


class InputsInvalid(CfyError):
    """Inputs a deployment cannot have; `problems` holds one sentence each."""

    code = ErrorCode.DEPLOYMENT_CREATION

    def __init__(self, problems: Sequence[str], *, code: str | None = None) -> None:
        super().__init__("\n".join(problems), code=code)
        self.problems = list(problems)


def near(word: object, words: Iterable[str], likeness: float = 0.6) -> str:
    """A suggestion to put behind a sentence about an unknown word, or nothing."""
    found = get_close_matches(str(word), sorted(words), n=1, cutoff=likeness)
    return f"; did you mean `{found[0]}`?" if found else ""


def one_of(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
