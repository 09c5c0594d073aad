"""The user that operations run as, where root runs the manager, and the files that this user reads or owns.

That user owns the working folders of deployments and the copies of blueprints that scripts run in, and reads blueprints
and the environments of plugins; folders above them are searchable for its group. Nothing else is for it. Whatever the
manager does in folders that the user owns, it does with the rights of that user, who could put links there.
"""

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from cfy_cli.errors import CfyError, Invalid

MODULES = Path(__file__).parent / "python"  # what operations import
PROBE = "import sys; open(sys.argv[1]).close()"
SEARCHABLE = stat.S_IXGRP
READABLE = stat.S_IRGRP | stat.S_IXGRP


class ProcessOwner(TypedDict, total=False):
    """Arguments of Popen."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class OperationUser:
    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    data_dir: Path  # of the manager

    @property
    def environment(self) -> Mapping[str, str]:
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}

    def check_access(self) -> None:
        """Raise CfyError when the user cannot reach the data folder, or run Python as the manager does."""
        for folder in reversed(self.data_dir.parents):
            try:
                with acting_as(self):
                    os.stat(f"{folder}/.")
            except PermissionError:
                raise CfyError(
                    f"The user {self.name} cannot reach the data folder {self.data_dir}: {folder} is closed to it",
                    hint="Give another one: cfy manager start --data-dir /var/lib/cfy",
                ) from None
        command = [sys.executable, "-c", PROBE, str(MODULES / "run_script.py")]
        try:
            subprocess.run(
                command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, **process_owner(self),
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            raise CfyError(
                f"The user {self.name} cannot run {sys.executable} with the modules in {MODULES}",
                hint="Install it where all users can read it, such as in a virtual environment in /opt.",
            ) from None


def find_user(name: str, data_dir: Path) -> OperationUser | None:
    """Return the user of that name, None if it is our own. Raises CfyError when operations cannot run as that user."""
    if os.geteuid() != 0:
        with suppress(KeyError):
            if pwd.getpwnam(name).pw_uid == os.geteuid():
                return None
        raise CfyError(
            f"Operations can run as the user {name} only where root starts the manager",
            hint="Start it as root, or run them as yourself: cfy manager start --run-as $USER",
        )
    if sys.platform != "linux":
        raise CfyError("Operations can run as another user on Linux only", hint="Leave --run-as out: --run-as root")
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise Invalid(
            f"There is no user `{name}` on this machine", hint=f"Create one: useradd --system {name or 'NAME'}"
        ) from None
    if entry.pw_uid == 0:
        return None
    groups = tuple(os.getgrouplist(name, entry.pw_gid))
    return OperationUser(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir, data_dir)


def process_owner(user: OperationUser | None) -> ProcessOwner:
    return {"user": user.uid, "group": user.gid, "extra_groups": list(user.groups)} if user else {}


@contextmanager
def acting_as(user: OperationUser | None) -> Iterator[None]:
    """Access files with the rights of the user only, in this thread; with our own when there is none."""
    if user is None:
        yield
        return
    import ctypes  # not needed by commands that start a manager

    system = ctypes.CDLL(None)
    group, owner = system.setfsgid(user.gid), system.setfsuid(user.uid)
    try:
        yield
    finally:
        system.setfsuid(owner)
        system.setfsgid(group)


def give(path: Path, user: OperationUser | None) -> None:
    """Make the user the owner of a file, or of a folder and all that is in it."""
    if user is None or path.lstat().st_uid == user.uid:
        return
    _open_parents(path, user)
    _change_owner(path, user.uid, user.gid)


def take_back(path: Path, user: OperationUser | None) -> None:
    """Become the owner of a folder that the user has filled, which may read it from now on."""
    if user is None:
        return
    _change_owner(path, os.getuid(), user.gid)
    _let_group_read(path)


def let_read(path: Path, user: OperationUser | None) -> None:
    """Let the user read our files in a folder, and execute what we can execute."""
    if user is None:
        return
    status = path.stat()
    if status.st_gid != user.gid or status.st_mode & READABLE != READABLE:
        _change_owner(path, os.getuid(), user.gid)
        _let_group_read(path)
        _open_parents(path, user)


def let_search(path: Path, user: OperationUser | None) -> None:
    """Let the user reach what it owns in a folder."""
    if user:
        _open_parents(path / "any", user)


def _change_owner(path: Path, uid: int, gid: int) -> None:
    """Change owner and group of all in a folder, itself last: others cannot enter it before."""
    if path.is_dir():
        for _, folders, files, descriptor in os.fwalk(path, topdown=False):
            for name in (*folders, *files):
                os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(path, uid, gid, follow_symlinks=False)


def _let_group_read(path: Path) -> None:
    for place, _, files in os.walk(path, topdown=False):
        for name in ("", *files):
            file = os.path.join(place, name)
            mode = os.lstat(file).st_mode
            if not stat.S_ISLNK(mode):
                os.chmod(file, stat.S_IMODE(mode) & stat.S_IRWXU | mode >> 3 & READABLE)


def _open_parents(path: Path, user: OperationUser) -> None:
    """Let the user search the folders between the data folder and a path."""
    for folder in path.parents:
        if not folder.is_relative_to(user.data_dir):
            return
        status = folder.stat()
        if status.st_uid == os.getuid() and (status.st_gid != user.gid or not status.st_mode & SEARCHABLE):
            os.chown(folder, -1, user.gid)
            folder.chmod(stat.S_IRWXU | SEARCHABLE)
