"""Secrets in the processes of a manager, kept from the scripts that these start as the same user.

They travel over pipes, not in arguments or environment variables, and who holds them cannot be inspected.
"""

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

ENCRYPTION_KEY_VARIABLE = "CFY_ENCRYPTION_KEY"  # gives the key of the secrets
DATABASE_PASSWORD_VARIABLE = "PGPASSWORD"  # noqa: S105  gives the password of PostgreSQL, as its own tools read it
ADMIN_PASSWORD_VARIABLE = "CFY_ADMIN_PASSWORD"  # noqa: S105  gives the first password of the administrator
SECRET_VARIABLES = (
    ENCRYPTION_KEY_VARIABLE, DATABASE_PASSWORD_VARIABLE, ADMIN_PASSWORD_VARIABLE, "CLOUDIFY_PASSWORD", "CLOUDIFY_TOKEN",
)  # fmt: skip
STORAGE_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")  # of files in S3
PRIVATE_UMASK = 0o077  # files for their owner only
PR_SET_DUMPABLE = 4  # of prctl(2)
MEMORY_RANGES = slice(45, 49)  # fields 48 to 51 of proc_pid_stat(5), without the two before the state


def protect_process() -> None:
    """Create private files from now on, and let no other process of this user read our memory or environment."""
    os.umask(PRIVATE_UMASK)
    if sys.platform == "linux":
        import ctypes  # not needed by commands that start nothing

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


@contextmanager
def private_files() -> Iterator[None]:
    """Create private files in a block, or in a function that this decorates."""
    previous = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(previous)


def open_pipe(text: str) -> int:
    """Return the end of a pipe from which a child reads a text that is shorter than what a pipe holds."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        pipe.write(text)
    return read


def read_pipe(descriptor: int) -> str:
    with os.fdopen(descriptor) as pipe:
        return pipe.read()


def read_storage_credentials(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the credentials in the variables, which scripts do not get; none where the files of boto3 have them."""
    values = tuple(environ.get(name, "") for name in STORAGE_VARIABLES)
    return tuple(filter(None, values)) if all(values[:2]) else ()


def without_secrets(environ: Mapping[str, str], more: Collection[str] = ()) -> dict[str, str]:
    """Return the environment for child processes; `more` are names of further variables with secrets."""
    return {name: value for name, value in environ.items() if name not in SECRET_VARIABLES and name not in more}


def remove_secrets(environ: MutableMapping[str, str], more: Collection[str] = ()) -> None:
    """Remove the variables with secrets, which this process has received otherwise, from its environment."""
    for name in (*SECRET_VARIABLES, *more):
        environ.pop(name, None)


def erase_secrets(environ: Mapping[str, str], arguments: Iterable[str], more: Collection[str] = ()) -> None:
    """Overwrite secrets where the system shows what this process was started with; `os.environ` keeps its values.

    `arguments` are the command line arguments that hold secrets. Nothing happens where there is no /proc.
    """
    values = {name: environ[name] for name in (*SECRET_VARIABLES, *more) if environ.get(name)}
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        begin_of_arguments, end_of_arguments, begin_of_variables, end_of_variables = map(int, fields[MEMORY_RANGES])
        for argument in filter(None, arguments):
            _overwrite(begin_of_arguments, end_of_arguments, "", argument)
        for name, value in values.items():
            _overwrite(begin_of_variables, end_of_variables, f"{name}=", value)


def _overwrite(begin: int, end: int, before: str, text: str) -> None:
    """Replace a text that stands after another one in a part of our memory by asterisks."""
    import ctypes

    kept, erased = os.fsencode(before), os.fsencode(text)
    position = ctypes.string_at(begin, end - begin).find(kept + erased)
    if position >= 0:
        ctypes.memset(begin + position + len(kept), ord("*"), len(erased))
