"""Unpacked blueprints, in the cache of this machine: scripts, templates and the sources of plugins."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cfy_cli.contract.limits import Limits, active_limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.failures import telling_full_disk
from cfy_cli.manager.locks import FileLock
from cfy_cli.manager.services.transfer import archives
from cfy_cli.manager.store.files import BLUEPRINTS, Files


class ArchiveMissing(Invalid): ...


def resources_folder(files: Files, storage_id: int) -> Path:
    """Return where the files of a blueprint are while it is in use."""
    return files.cache.folder_of((BLUEPRINTS, storage_id)) / "resources"


@contextmanager
def use(files: Files, storage_id: int, limits: Limits | None = None) -> Iterator[Path]:
    """Yield the folder of a blueprint, unpacked if it is not, which stays until the block ends.

    The limits are those of its upload; one that was accepted is unpacked later whatever they are then. Raises
    ArchiveMissing, Invalid, and Busy when the disk is full.
    """
    resources = resources_folder(files, storage_id)
    with files.cache.use((BLUEPRINTS, storage_id)) as folder:
        if not resources.is_dir():
            with telling_full_disk(), FileLock(folder / "resources.lock"):
                if not resources.is_dir():
                    _unpack(files, storage_id, resources, limits or _accepted())
        yield resources


def _unpack(files: Files, storage_id: int, resources: Path, limits: Limits) -> None:
    key = (BLUEPRINTS, storage_id)
    name = files.find_archive(storage_id)
    if name is None:
        raise ArchiveMissing("The archive of the blueprint is missing: upload it again")
    with files.local_copy(key, name) as archive:
        archives.unpack(archive, resources, limits)
    files.cache.add_size(key)


def _accepted() -> Limits:
    limits = active_limits()
    content = limits.snapshot_content
    return replace(limits, archive_files=limits.snapshot_files, archive_content=content, archive_file=content)
