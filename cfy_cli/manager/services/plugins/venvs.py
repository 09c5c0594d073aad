"""Virtual environments of plugins. Each is created once, in a folder of its own, completely or not at all."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cfy_cli.errors import Invalid, NotFound
from cfy_cli.manager.data_folder import protect
from cfy_cli.manager.engine.operation_user import (
    OperationUser,
    acting_as,
    give,
    let_read,
    process_owner,
    take_back,
)
from cfy_cli.manager.locks import FileLock

# Wagons often leave these out, since every manager has them. The engine provides the module `cloudify`.
PROVIDED_PACKAGES = (
    "cloudify-common",
    "cloudify-plugins-common",
    "cloudify-rest-client",
    "fusion-common",
    "fusion-mgmtworker",
)
PROVIDED_VERSION = "7.0.5"
OLDER_VERSIONS = ("6.999", "5.999", "4.999")  # for wagons that require an older one
LogFunction = Callable[[str, str], None]  # level, message
STEP_TIMEOUT = 900  # seconds of one subprocess
PIP_OPTIONS = ("--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check")
MAX_ERROR_LINES = 12  # of the output of a failed subprocess


class VenvBuilder:
    """A virtual environment that is being created; `name` is that of the plugin, for errors.

    Packages can run their own code when they are built, so all is done as the user of operations.
    """

    def __init__(self, name: str, folder: Path, user: OperationUser | None) -> None:
        self.name, self.folder, self.user = name, folder, user
        self.modules = modules_folder(folder)
        self._has_pip = importlib.util.find_spec("pip") is not None  # in the Python of the manager

    def install(self, *arguments: str, cwd: Path | None = None) -> None:
        """Run `pip install`. Raises Invalid with the last lines of its output."""
        self._create()
        python = str(self.folder / "bin" / "python")
        # -P: pip imports nothing from the folder it runs in.
        pip = [sys.executable, "-P", "-m", "pip", "--python", python] if self._has_pip else [python, "-P", "-m", "pip"]
        self._run([*pip, *PIP_OPTIONS, "install", *arguments], cwd)

    def install_stubs(self) -> None:
        """Install empty packages in place of those that the manager provides, without pip."""
        self._create()
        for package in PROVIDED_PACKAGES:
            for path, text in _stub_files(package, PROVIDED_VERSION).items():
                self.write(path, text)

    def write(self, path: str, text: str) -> None:
        """Write a file among the packages."""
        file = self.modules / path
        with acting_as(self.user):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def _create(self) -> None:
        if not (self.folder / "pyvenv.cfg").exists():
            without_pip = ["--without-pip"] if self._has_pip else []  # pip takes most of the time
            self._run([sys.executable, "-m", "venv", *without_pip, str(self.folder)])

    def _run(self, command: Sequence[str], cwd: Path | None = None) -> None:
        environment = {**os.environ, **(self.user.environment if self.user else {})}
        try:
            result = subprocess.run(
                command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=STEP_TIMEOUT, check=False, env=environment, **process_owner(self.user),
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Invalid(f"The plugin {self.name} could not be installed: {error}") from error
        if result.returncode:
            output = "\n".join(f"{result.stdout}\n{result.stderr}".strip().splitlines()[-MAX_ERROR_LINES:])
            raise Invalid(f"The plugin {self.name} could not be installed: {output}")


def ensure_venv(
    folder: Path,
    name: str,
    fill: Callable[[VenvBuilder], None],
    on_start: Callable[[], None],
    user: OperationUser | None = None,
) -> Path:
    """Return the virtual environment in a folder, which the user of operations can read; create it if there is none.

    While one process creates it, others wait. `on_start` is called before it is created, `fill` installs packages.
    Raises what `fill` raises, and NotFound when the folder was deleted.
    """
    link = folder / "environment"
    if not link.exists():
        with _exclusive(folder):
            if not link.exists():
                on_start()
                _create_venv(folder, name, fill, user)
    venv = link.resolve()
    let_read(venv, user)
    return venv


def _create_venv(folder: Path, name: str, fill: Callable[[VenvBuilder], None], user: OperationUser | None) -> None:
    venv = folder / f"environment-{uuid.uuid4().hex[:8]}"
    try:
        venv.mkdir()
        give(venv, user)
        fill(VenvBuilder(name, venv, user))
        take_back(venv, user)
        protect(venv, user.gid if user else None)  # pip lets others execute programs, whatever the umask
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise
    os.symlink(venv.name, folder / "new")
    (folder / "new").replace(folder / "environment")  # atomic: whoever sees the link finds a complete environment


def modules_folder(venv: Path) -> Path:
    """Return the folder of the packages in a virtual environment."""
    return Path(sysconfig.get_path("purelib", "posix_prefix", {"base": str(venv), "platbase": str(venv)}))


def write_stub_wheels(target: Path, present: Sequence[str] = ()) -> None:
    """Write empty wheels of the packages that the manager provides, for wagons that require them.

    `present` are names of packages, with underscores, that need no stub.
    """
    for package in PROVIDED_PACKAGES:
        if package.replace("-", "_") not in present:
            for version in (PROVIDED_VERSION, *OLDER_VERSIONS):
                stem = _stub_stem(package, version)
                with zipfile.ZipFile(target / f"{stem}-py3-none-any.whl", "w") as wheel:
                    for path, text in _stub_files(package, version).items():
                        wheel.writestr(path, text)


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Exclude all other processes, and remove the remains of one that was killed."""
    try:
        lock = FileLock(folder / "environment.lock")
    except FileNotFoundError:
        raise NotFound("The plugin was deleted") from None
    with lock:
        if not (folder / "environment").exists():
            for incomplete in folder.glob("environment-*"):
                shutil.rmtree(incomplete, ignore_errors=True)
            (folder / "new").unlink(missing_ok=True)
        yield


def _stub_files(package: str, version: str) -> dict[str, str]:
    """Return the files of an empty package, by their paths."""
    info = f"{_stub_stem(package, version)}.dist-info"
    return {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")),
    }


def _stub_stem(package: str, version: str) -> str:
    return f"{package.replace('-', '_')}-{version}"
