"""Unpacking of archives from untrusted sources: nothing is written outside the target, and the size is limited."""

import errno
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from cfy_cli.contract.archive_formats import FORMATS, READ_ERRORS, READ_HINT, detect_format, is_macos_metadata
from cfy_cli.contract.limits import Limits
from cfy_cli.errors import Invalid
from cfy_cli.manager.engine.extraction import RefusedMember, extract_all
from cfy_cli.manager.failures import is_disk_full
from cfy_cli.manager.services.transfer.archive_limits import UnpackLimit, open_tar, open_zip


def detect_suffix(archive: Path) -> str:
    """Return zip, tar, tar.gz, tar.bz2 or tar.xz by the content of a file. Raises Invalid for anything else."""
    suffix = detect_format(archive)
    if suffix is None:
        raise Invalid(f"The uploaded file is not {FORMATS}", hint=READ_HINT)
    return suffix


def unpack(archive: Path, target: Path, limits: Limits) -> None:
    """Replace the folder `target` by the content of an archive. Raises Invalid, and then leaves `target` as it is.

    If everything in the archive is in one folder, its content is that of this folder.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        with readable("The archive"):
            if detect_suffix(archive) == "zip":
                _unpack_zip(archive, partial, limits)
            else:
                _unpack_tar(archive, partial, limits)
        shutil.rmtree(target, ignore_errors=True)
        _skip_single_folder(partial).rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _skip_single_folder(folder: Path) -> Path:
    entries = list(folder.iterdir())
    is_single = len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink()
    return entries[0] if is_single else folder


def _unpack_tar(archive: Path, target: Path, limits: Limits) -> None:
    with open_tar(archive, limits) as tar:
        extract_all(tar, target, _checked_members(tar))


def _checked_members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        if member.isdev():
            raise Invalid(f"The archive was refused: `{member.name}` is a device")
        if PurePosixPath(member.name).is_absolute():
            raise Invalid(f"The archive was refused: `{member.name}` is an absolute path")
        if not is_macos_metadata(member.name):
            yield member


def _unpack_zip(archive: Path, target: Path, limits: Limits) -> None:
    limit = UnpackLimit(archive, limits)
    with open_zip(archive, limits) as packed:
        for member in packed.infolist():
            path = PurePosixPath(member.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
                raise Invalid(f"The archive was refused: `{member.filename}` is outside the archive's folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise Invalid(f"The archive was refused: `{member.filename}` is a link, which a zip may not contain")
            if is_macos_metadata(member.filename):
                continue
            destination = target / path
            if member.is_dir():
                limit.add_file(member.filename)
                destination.mkdir(parents=True, exist_ok=True)
                continue
            destination.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member) as source:
                limit.copy(source, destination, member.filename)
            destination.chmod(0o700 if (member.external_attr >> 16) & stat.S_IXUSR else 0o600)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise Invalid, in words about the archive, for what the standard library raises; a full disk is no such thing."""
    try:
        yield
    except (RefusedMember, KeyError) as error:
        raise Invalid(f"The archive was refused: {error}") from error
    except READ_ERRORS as error:
        if is_disk_full(error):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            raise Invalid("The archive was refused: the name of a file in it is too long") from error
        raise Invalid(f"{what} cannot be read, it may be incomplete: {error}", hint=READ_HINT) from error
