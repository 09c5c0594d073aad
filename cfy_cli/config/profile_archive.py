"""Export and import of all profiles as one archive."""

import io
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from cfy_cli.config.paths import private_folder, write_private
from cfy_cli.config.profiles import Profiles
from cfy_cli.contract.archive_formats import READ_ERRORS
from cfy_cli.errors import CfyError

TOP = "profiles"
KEYS = ".exported-ssh-keys"


def export_profiles(profiles: Profiles, target: Path, *, include_keys: bool) -> int:
    """Write all profiles to `target`, a tar.gz readable only by its owner; return their number."""
    names = profiles.names()
    if not names:
        raise CfyError("There are no profiles to export", hint="Create one: cfy profiles use ADDRESS")
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)  # an existing file may be readable by others
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            tar.add(profiles.folder, arcname=TOP, recursive=False)
            for name in names:
                tar.add(profiles.path(name), arcname=f"{TOP}/{name}")
            for name in names if include_keys else ():
                _add_key(tar, profiles, name)
    return len(names)


def import_profiles(profiles: Profiles, archive: Path, *, include_keys: bool) -> list[str]:
    """Store the profiles of an archive, replacing those of the same names; return the names."""
    try:
        with tarfile.open(archive) as tar:
            members = {_path(member): tar.extractfile(member) for member in tar.getmembers() if member.isfile()}
            files = {path: file.read() for path, file in members.items() if file}
    except READ_ERRORS as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise CfyError(
            f"{archive} is not an archive of profiles: {reason}", hint="Create one: cfy profiles export"
        ) from error
    names = sorted({path.parts[1] for path in files if path.parts[1] != KEYS})
    if not names:
        raise CfyError(f"{archive} contains no profiles", hint="Create one: cfy profiles export")
    for path, content in files.items():
        if path.parts[1] != KEYS:
            profiles.path(path.parts[1])  # raises Usage for an invalid profile name
            write_private(profiles.folder.joinpath(*path.parts[1:]), content.decode("utf-8"))
    for name in names if include_keys else ():
        _restore_key(profiles, name, files)
    return names


def _path(member: tarfile.TarInfo) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.parts[:1] != (TOP,) or ".." in path.parts or len(path.parts) < 3:
        raise tarfile.TarError(f"`{member.name}` does not belong to a profile")
    return path


def _key_name(name: str, key: str) -> str:
    return f"{TOP}/{KEYS}/{os.path.basename(key)}.{name}.profile"


def _add_key(tar: tarfile.TarFile, profiles: Profiles, name: str) -> None:
    key = profiles.read(name).ssh_key
    if key and os.path.isfile(os.path.expanduser(key)):
        buffer = io.BytesIO()
        with open(os.path.expanduser(key), "rb") as file:
            shutil.copyfileobj(file, buffer)
        member = tarfile.TarInfo(_key_name(name, key))
        member.size, member.mode = buffer.tell(), 0o600
        buffer.seek(0)
        tar.addfile(member, buffer)


def _restore_key(profiles: Profiles, name: str, files: dict[PurePosixPath, bytes]) -> None:
    key = profiles.read(name).ssh_key
    content = files.get(PurePosixPath(_key_name(name, key))) if key else None
    if key and content is not None:
        target = Path(os.path.expanduser(key))
        private_folder(target.parent)
        write_private(target, content.decode("utf-8"))
