"""Print those of the public names in a file that cannot be found, or whose arguments have another order.

Runs where the modules of scripts and plugins can be found.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

POSITIONAL = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)


def find(name: str) -> object:
    """Import a name: a module, or what it has, to any depth. Raises ImportError or AttributeError."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for index in range(count, len(parts)):
            if inspect.isclass(value) and has_field(value, parts[index]):
                return None
            value = getattr(value, parts[index])
        return value
    raise ImportError(name)


def has_field(kind: type, name: str) -> bool:
    """Return whether instances have an attribute that the class itself has not."""
    if hasattr(kind, name):
        return False
    if name in getattr(kind, "FIELDS", ()):
        return True
    own = [base for base in kind.__mro__ if base is not object and base.__module__ not in sys.stdlib_module_names]
    assigned = re.compile(rf"\bself\.{name}\b[^=\n]*=[^=]|setattr\(self, kind")
    return any(name in vars(base).get("__annotations__", ()) for base in own) or any(
        assigned.search(inspect.getsource(base)) for base in own if base.__module__ != "builtins"
    )


def check(line: str) -> str | None:
    """Return what is wrong with a name, None when nothing is."""
    name, has_parameters, parameters = line.rstrip(")").partition("(")
    try:
        value = find(name)
    except (ImportError, AttributeError):
        return "absent"
    if not has_parameters or parameters == "...":
        return None
    public = [part.rstrip("?") for part in parameters.split(", ") if part and not part.startswith("*")]
    try:
        own = list(inspect.signature(value).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if own and own[0].name in ("self", "cls"):
        del own[0]
    if name.endswith(".__init__") and len(public) == 1 and own:
        return None  # its name does not matter
    takes_all = any(it.kind is it.VAR_POSITIONAL for it in own)
    names = [it.name for it in own if it.kind in POSITIONAL]
    if names[: len(public)] == public[: len(names)] and (takes_all or len(names) >= len(public)):
        return None
    return f"takes ({', '.join(names)})"


def problems(lines: list[str]) -> Iterator[str]:
    for line in lines:
        problem = check(line)
        if problem is not None:
            yield f"{line}: {problem}"


if __name__ == "__main__":
    for found in problems(Path(sys.argv[1]).read_text().splitlines()):
        print(found)
