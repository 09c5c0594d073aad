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
from cfy_cli.manager.locks import FileLock

# Wagons often leave these out, since every manager has them. The engine provides the module `cloudify`.
PROVIDED_PACKAGES = ("cloudify-common", "cloudify-plugins-common", "cloudify-rest-client")
PROVIDED_VERSION = "7.0.5"
STEP_TIMEOUT = 900  # seconds of one subprocess
PIP_OPTIONS = ("--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check")
MAX_ERROR_LINES = 12  # of the output of a failed subprocess


class VenvBuilder:
    """A virtual environment that is being created; `name` is that of the plugin, for errors."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder
        self._has_pip = importlib.util.find_spec("pip") is not None  # in the Python of the manager

    def install(self, *arguments: str, cwd: Path | None = None) -> None:
        """Run `pip install`. Raises Invalid with the last lines of its output."""
        self._create()
        python = str(self._folder / "bin" / "python")
        # -P: pip imports nothing from the folder it runs in.
        pip = [sys.executable, "-P", "-m", "pip", "--python", python] if self._has_pip else [python, "-P", "-m", "pip"]
        self._run([*pip, *PIP_OPTIONS, "install", *arguments], cwd)

    def install_wheels(self, wheels: Path) -> None:
        """Unpack the wheels in a folder, which must contain nothing but files, without pip."""
        self._create()
        base = str(self._folder)
        modules = sysconfig.get_path("purelib", "posix_prefix", {"base": base, "platbase": base})
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(modules)

    def _create(self) -> None:
        if not self._folder.exists():
            without_pip = ["--without-pip"] if self._has_pip else []  # pip takes most of the time
            self._run([sys.executable, "-m", "venv", *without_pip, str(self._folder)])

    def _run(self, command: Sequence[str], cwd: Path | None = None) -> None:
        try:
            result = subprocess.run(
                command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=STEP_TIMEOUT, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Invalid(f"The plugin {self.name} could not be installed: {error}") from error
        if result.returncode:
            output = "\n".join(f"{result.stdout}\n{result.stderr}".strip().splitlines()[-MAX_ERROR_LINES:])
            raise Invalid(f"The plugin {self.name} could not be installed: {output}")


def ensure_venv(folder: Path, name: str, fill: Callable[[VenvBuilder], None], on_start: Callable[[], None]) -> Path:
    """Return the virtual environment in a folder; create it if there is none.

    While one process creates it, others wait. `on_start` is called before it is created, `fill` installs packages.
    Raises what `fill` raises, and NotFound when the folder was deleted.
    """
    link = folder / "environment"
    if link.exists():
        return link.resolve()
    with _exclusive(folder):
        if link.exists():
            return link.resolve()
        on_start()
        venv = folder / f"environment-{uuid.uuid4().hex[:8]}"
        try:
            fill(VenvBuilder(name, venv))
        except BaseException:
            shutil.rmtree(venv, ignore_errors=True)
            raise
        os.symlink(venv.name, folder / "new")
        (folder / "new").replace(link)  # atomic: whoever sees the link finds a complete environment
        return venv


def write_stub_wheels(target: Path, present: Sequence[str] = ()) -> None:
    """Write empty wheels of the packages that the manager provides, for plugins that require them.

    `present` are names of packages, with underscores, that need no stub.
    """
    for package in PROVIDED_PACKAGES:
        if package.replace("-", "_") not in present:
            _write_stub_wheel(package, target)


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


def _write_stub_wheel(package: str, target: Path) -> None:
    stem = f"{package.replace('-', '_')}-{PROVIDED_VERSION}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(target / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {PROVIDED_VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")))
