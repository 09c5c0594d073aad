"""The basic types that come with the program, parsed once per process."""

import re
from functools import cache
from pathlib import Path

from cfy_cli.dsl.problems import BlueprintInvalid, Problems
from cfy_cli.dsl.versions import Version
from cfy_cli.dsl.yaml_nodes import SourceFile, YamlNode
from cfy_cli.dsl.yaml_reader import read_yaml

FOLDER = Path(__file__).parent / "types"
IMPORT_NAMES = ("cloudify/types/types.yaml", "/cloudify/types/types.yaml")
# Addresses under which the basic types have been published, for each version of the product.
_ADDRESS = re.compile(
    r"https?://(www\.)?(getcloudify\.org|cloudify\.co)/spec/cloudify/[^/]+/types(_\d_\d)?\.yaml"
    r"|https?://raw\.githubusercontent\.com/cloudify-cosmo/cloudify-manager/[^/]+"
    r"/resources/rest-service/cloudify/types/types(_\d_\d)?\.yaml"
)


def is_types_address(name: str) -> bool:
    """Return whether an import is an address of the basic types, so that nothing needs to be requested."""
    return _ADDRESS.fullmatch(name) is not None


def basic_types(version: Version) -> YamlNode:
    """Return the types file for blueprints of a version; versions before 1_3 use that of 1_3."""
    return _load(FOLDER / f"types_1_{max(version[1], 3)}.yaml")


@cache
def _load(path: Path) -> YamlNode:
    problems = Problems()
    node = read_yaml(path.read_bytes(), SourceFile(IMPORT_NAMES[0], basic=True, memo={}), problems)
    if node is None or problems:
        raise BlueprintInvalid(problems)
    return node
