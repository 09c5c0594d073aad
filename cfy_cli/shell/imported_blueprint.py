"""Blueprints of a manager that a blueprint on this machine imports."""

import tempfile
from pathlib import Path

from cfy_cli.client.client import Client
from cfy_cli.client.transfer import save
from cfy_cli.dsl import ImportUnavailable, ResolvedImport
from cfy_cli.shell.archive_files import unpack_files


def download_blueprint(client: Client, name: str, folder: Path) -> ResolvedImport:
    """Download the YAML files of `blueprint:ID` into a new folder inside `folder`. Raises CfyError."""
    blueprint_id = name.partition(":")[2].strip()
    blueprint = client.blueprints.find_uploaded(blueprint_id)
    if blueprint is None:
        raise ImportUnavailable(
            "the manager in use does not have it", hint=f"upload it first: cfy blueprints upload FILE -b {blueprint_id}"
        )
    root = Path(tempfile.mkdtemp(dir=folder)).resolve()
    archive = save(client.blueprints.archive(blueprint_id), root.with_suffix(".archive"))
    unpack_files(archive, root, (".yaml", ".yml"))
    main = root / str(blueprint["main_file_name"])
    if not main.is_file():
        raise ImportUnavailable(f"its archive has no file `{blueprint['main_file_name']}`")
    return ResolvedImport(f"{name}/{blueprint['main_file_name']}", main.read_bytes(), folder=main.parent, root=root)
