"""Archives of the files of blueprints, for agents, which do not share the folder of the manager."""

import tarfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from cfy_cli.errors import NotFound
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.services.worker.running import read_definitions


def write_archive(context: ExecutionContext, folder: str, target: Path) -> None:
    """Write an archive of a folder among the manager's files. Raises NotFound unless the execution uses it."""
    with ExitStack() as in_use:  # unpacked on this machine
        definitions = read_definitions(replace(context, until_end=in_use))
        used = {
            path
            for files in (definitions.files, *definitions.former.values())
            for path in (files.resources, *files.imported.values())
        }
        wanted = context.app.settings.data_dir / folder
        if wanted not in used or not wanted.is_dir():
            raise NotFound(f"The execution has no files `{folder}`")
        with tarfile.open(target, "w:gz", compresslevel=1) as archive:
            archive.add(wanted, arcname=".")
