"""Functions around the client."""

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .client import StreamedResponse as StreamedResponse
from .item import Answer
from .transfer import pack_folder

SUPPORTED_ARCHIVE_TYPES = ["zip", "tar", "tar.gz", "tar.bz2"]


def tar_blueprint(blueprint_path: str, dest_dir: str) -> str:
    """Pack the folder of a blueprint's file into an archive in another folder, and return its path."""
    return pack_folder(blueprint_path, dest_dir)


def tar_file(file_to_tar: str, destination_dir: str, tar_name: str = "") -> str:
    """Pack a file or a folder into an archive in another folder, and return its path."""
    name = tar_name or Path(file_to_tar).name
    archive = Path(destination_dir) / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz", dereference=True) as packed:
        packed.add(file_to_tar, arcname=name)
    return str(archive)


def is_supported_archive_type(blueprint_path: str) -> bool:
    return blueprint_path.endswith(tuple(f".{kind}" for kind in SUPPORTED_ARCHIVE_TYPES))


def get_all(method: Callable[..., Answer], *args: object, **kwargs: Answer) -> Iterator[Answer]:
    """Yield the items of all pages that a method of the client answers."""
    count, params = 0, kwargs.pop("params", None) or {}
    while True:
        page = method(*args, params={**params, "_offset": count}, **kwargs)
        yield from page["items"]
        count += len(page["items"])
        if not page["items"] or count >= page["metadata"]["pagination"]["total"]:
            return
