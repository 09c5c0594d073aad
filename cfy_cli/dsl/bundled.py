"""The basic types that come with the program: parsed once in a process."""

from functools import cache
from pathlib import Path

from cfy_cli.dsl.problems import BlueprintInvalid, Problems
from cfy_cli.dsl.source import Node, Source, read
from cfy_cli.dsl.versions import Version

FOLDER = Path(__file__).parent / "types"
NAMES = ("cloudify/types/types.yaml", "/cloudify/types/types.yaml")


def basic_types(version: Version) -> Node:
    """The types file for blueprints of a version; those before 1_3 use that of 1_3."""
    return _load(FOLDER / f"types_1_{max(version[1], 3)}.yaml")


@cache
def _load(path: Path) -> Node:
    problems = Problems()
    node = read(path.read_bytes(), Source(NAMES[0], basic=True, memo={}), problems)
    if node is None or problems:
        raise BlueprintInvalid(problems)
    return node
