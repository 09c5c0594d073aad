"""Paths of the files of cfy, and atomic writing of private files."""

import os
from collections.abc import Mapping
from pathlib import Path

from cfy_cli.config.config_file import HOME_VARIABLE
from cfy_cli.errors import CfyError

_HINT = f"`cfy doctor` checks the folder; to use another one, set {HOME_VARIABLE}."


def home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of profiles and of the embedded manager: $CFY_WORKDIR/.cloudify, by default ~/.cloudify."""
    environ = os.environ if environ is None else environ
    return Path(environ.get(HOME_VARIABLE) or _home_of_user()) / ".cloudify"


def _home_of_user() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise CfyError(
            "There is no home folder: HOME is not set, and this user has no entry in the password database",
            hint=f"Set HOME, or set {HOME_VARIABLE} to a folder for profiles and data.",
        ) from None


def private_folder(path: Path) -> Path:
    """Create the folder, accessible only to its owner, if it does not exist. Raises CfyError."""
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise CfyError(f"Cannot create {error.filename or path}: {error.strerror}", hint=_HINT) from error
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically: readers see the old text or the new one. Raises CfyError."""
    try:
        _replace(path, text)
    except OSError as error:
        raise CfyError(f"Cannot write {path}: {error.strerror}", hint=_HINT) from error


def _replace(path: Path, text: str) -> None:
    private_folder(path.parent)
    import tempfile  # imported here: reading a profile does not need it

    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # created with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
