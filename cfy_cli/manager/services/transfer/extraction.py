"""Extraction of tar archives from untrusted sources, also with Python 3.11.2, whose tarfile has no filters yet."""

import copy
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path


class RefusedMember(tarfile.TarError):
    """A member that would be written, or would point, outside the target, or that is neither file, folder nor link."""


def extract_all(tar: tarfile.TarFile, target: Path, members: Iterable[tarfile.TarInfo] | None = None) -> None:
    """Extract the members, by default all, as the filter `data` of tarfile does. Raises RefusedMember."""
    if hasattr(tarfile, "data_filter"):
        try:
            tar.extractall(target, members, filter="data")
        except tarfile.FilterError as error:
            raise RefusedMember(str(error)) from error
    else:
        tar.extractall(target, _filter_members(members or tar, target))  # noqa: S202


def _filter_members(members: Iterable[tarfile.TarInfo], target: Path) -> Iterator[tarfile.TarInfo]:
    """Yield what may be extracted; it is extracted before the next member is checked, so that links are seen."""
    root = os.path.realpath(target)
    for member in members:
        name = member.name.lstrip("/" + os.sep)
        _check_inside(root, name, f"{member.name!r} would be extracted to a path outside the destination")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise RefusedMember(f"{member.name!r} is a special file")
        if member.issym() or member.islnk():
            if os.path.isabs(member.linkname):
                raise RefusedMember(f"{member.name!r} is a link to an absolute path")
            start = os.path.dirname(name) if member.issym() else ""
            linked = os.path.join(start, member.linkname)
            _check_inside(root, linked, f"{member.name!r} would link to a path outside the destination")
        yield _with_own_attributes(member, name)


def _check_inside(root: str, name: str, message: str) -> None:
    if os.path.commonpath([os.path.realpath(os.path.join(root, name)), root]) != root:
        raise RefusedMember(message)


def _with_own_attributes(member: tarfile.TarInfo, name: str) -> tarfile.TarInfo:
    """Return the member without foreign owners, without special bits, and with files that their owner can read."""
    kept = copy.copy(member)
    kept.name, kept.uid, kept.gid, kept.uname, kept.gname = name, os.getuid(), os.getgid(), "", ""
    if kept.isreg() or kept.islnk():
        executable = kept.mode if kept.mode & 0o100 else kept.mode & ~0o111
        kept.mode = (executable & 0o755) | 0o600
    elif kept.isdir():
        kept.mode = 0o755
    return kept
