"""Extraction of tar archives from untrusted sources, also with Python 3.11.2, whose tarfile has no filters yet."""

import copy
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path


class RefusedMember(tarfile.TarError):
    """A member that would be written, or would point, outside the target, or that is neither file, folder nor link."""


def extract_all(tar: tarfile.TarFile, target: Path, members: Iterable[tarfile.TarInfo] | None = None) -> None:
    """Extract the members, by default all, as the filter `data` of tarfile does, for their owner only.

    Raises RefusedMember.
    """
    if hasattr(tarfile, "data_filter"):
        try:
            tar.extractall(target, members, filter=_filter_private)  # noqa: S202
        except tarfile.FilterError as error:
            raise RefusedMember(str(error)) from error
    else:
        tar.extractall(target, _filter_members(members or tar, target))  # noqa: S202


def extract_with_links(tar: tarfile.TarFile, target: Path) -> None:
    """Extract all members; symbolic links may point anywhere, but nothing is written through them.

    Raises RefusedMember.
    """
    members = _filter_members(tar, target, with_outer_links=True)
    if hasattr(tarfile, "data_filter"):
        tar.extractall(target, members, filter="fully_trusted")  # noqa: S202
    else:
        tar.extractall(target, members)  # noqa: S202


def _filter_private(member: tarfile.TarInfo, target: str) -> tarfile.TarInfo:
    kept = tarfile.data_filter(member, target)
    return kept.replace(mode=_private_mode(kept), deep=False)


def _private_mode(member: tarfile.TarInfo) -> int:
    return 0o700 if member.isdir() or (member.mode or 0) & 0o100 else 0o600  # a filter may have left no mode


def _filter_members(
    members: Iterable[tarfile.TarInfo], target: Path, *, with_outer_links: bool = False
) -> Iterator[tarfile.TarInfo]:
    """Yield what may be extracted; it is extracted before the next member is checked, so that links are seen."""
    root = os.path.realpath(target)
    for member in members:
        name = member.name.lstrip("/" + os.sep)
        _check_inside(root, name, f"{member.name!r} would be extracted to a path outside the destination")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise RefusedMember(f"{member.name!r} is a special file")
        if member.islnk() or (member.issym() and not with_outer_links):
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
    kept.mode = _private_mode(kept)
    return kept
