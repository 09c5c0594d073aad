"""Record the names that public scripts and plugins can import; run with a Python that has the public packages.

    $CFY_ORACLE tests/engine/record_public_names.py

It needs `cloudify-common[dispatcher]`, and `cloudify_types` on PYTHONPATH; the project itself never imports them.
A line is a module, a constant, a property, or a function with its parameters; `?` marks those that may be left out.
"""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOTS = ("cloudify", "cloudify_rest_client", "cloudify_types", "dsl_parser", "script_runner")
PARSER = "dsl_parser"  # whose members are left out: plugins use few of its names
FILE = Path(__file__).with_name("public_names.txt")


def modules() -> Iterator[str]:
    for root in ROOTS:
        yield root
        for info in pkgutil.walk_packages(importlib.import_module(root).__path__, f"{root}.", onerror=print):
            name = info.name.rpartition(".")[2]
            if ".tests" not in info.name and name.isidentifier() and not name.startswith("_"):
                yield info.name


def describe(name: str, function: object, *, is_method: bool) -> str:
    try:
        parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return f"{name}(...)"
    if is_method and parameters and parameters[0].name in ("self", "cls"):
        del parameters[0]
    return f"{name}({', '.join(map(_parameter, parameters))})"


def names(module: ModuleType) -> Iterator[str]:
    """Yield a line for each name that a module defines, and for those of its classes."""
    prefix = module.__name__
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or isinstance(value, ModuleType) or type(value).__module__ in ("typing", "__future__"):
            continue
        if type(value).__name__ == "Proxy":  # of the current ctx, which there is not
            yield f"{prefix}.{name}"
        elif inspect.isclass(value):
            if value.__module__ == prefix:
                yield f"{prefix}.{name}"
                if not prefix.startswith(PARSER):
                    yield from _members(f"{prefix}.{name}", value)
        elif inspect.isroutine(value):
            if value.__module__ == prefix:
                yield describe(f"{prefix}.{name}", value, is_method=False)
        else:
            yield f"{prefix}.{name}"


def _members(prefix: str, kind: type) -> Iterator[str]:
    """Yield a line for each member of a class, with those of its base classes in the public packages."""
    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] in ROOTS]
    members = {name: value for base in reversed(bases) for name, value in vars(base).items()}
    for name, value in sorted(members.items()):
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if name == "__init__":
            yield describe(f"{prefix}.__init__", value, is_method=True)
        elif name.startswith("_"):
            continue
        elif inspect.isfunction(function):
            yield describe(f"{prefix}.{name}", function, is_method=not isinstance(value, staticmethod))
        elif not inspect.isclass(value):
            yield f"{prefix}.{name}"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    optional = "?" if parameter.default is not parameter.empty else ""
    return f"{stars.get(parameter.kind, '')}{parameter.name}{optional}"


def main() -> None:
    lines: list[str] = []
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            print(f"{name} was left out: {error}", file=sys.stderr)
            continue
        lines += [name, *names(module)]
    FILE.write_text("".join(f"{line}\n" for line in sorted(set(lines))), encoding="utf-8")


if __name__ == "__main__":
    main()
