"""Virtual environments for plugins: each made once in a folder of its own, whole or not at all."""

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

# What plugins are often packed without, since every manager has it: ours is the module `cloudify` of the engine.
HERE_ALREADY = ("cloudify-common", "cloudify-plugins-common", "cloudify-rest-client")
OUR_VERSION = "7.0.5"
LONGEST = 900  # seconds of one step
QUIETLY = ("--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check")
TOLD = 12  # lines of what a failed step printed


class Making:
    """A virtual environment in the making; `name` is the plugin's, for whoever reads why it failed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder
        self._with_pip = importlib.util.find_spec("pip") is not None

    def install(self, *arguments: str, cwd: Path | None = None) -> None:
        """`pip install`. Raises Invalid with the last lines of what pip said."""
        self._create()
        python = str(self._folder / "bin" / "python")
        # -P: nothing in the folder where pip runs is for pip to import.
        pip = [sys.executable, "-P", "-m", "pip", "--python", python] if self._with_pip else [python, "-P", "-m", "pip"]
        self._step([*pip, *QUIETLY, "install", *arguments], cwd)

    def put(self, wheels: Path) -> None:
        """Install wheels that are nothing but files."""
        self._create()
        base = str(self._folder)
        modules = sysconfig.get_path("purelib", "posix_prefix", {"base": base, "platbase": base})
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(modules)

    def _create(self) -> None:
        """Its own pip is what takes the most time to install, and nobody asks for it."""
        if not self._folder.exists():
            without = ["--without-pip"] if self._with_pip else []
            self._step([sys.executable, "-m", "venv", *without, str(self._folder)])

    def _step(self, command: Sequence[str], cwd: Path | None = None) -> None:
        try:
            done = subprocess.run(
                command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=LONGEST, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Invalid(f"The plugin {self.name} could not be installed: {error}") from error
        if done.returncode:
            told = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-TOLD:])
            raise Invalid(f"The plugin {self.name} could not be installed: {told}")


def made_once(folder: Path, name: str, fill: Callable[[Making], None], begin: Callable[[], None]) -> Path:
    """The environment of a folder, made now if nobody has yet; others who want it meanwhile wait.

    `begin` is called before it is made, `fill` installs what belongs into it. Raises what `fill` raises, and NotFound
    when the folder is gone.
    """
    link = folder / "environment"
    if link.exists():
        return link.resolve()
    with _alone(folder):
        if link.exists():
            return link.resolve()
        begin()
        made = folder / f"environment-{uuid.uuid4().hex[:8]}"
        try:
            fill(Making(name, made))
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        os.symlink(made.name, folder / "new")
        (folder / "new").replace(link)  # whoever sees it finds it whole
        return made


def stand_ins(target: Path, there: Sequence[str] = ()) -> None:
    """Wheels without content of what is here already, so that a plugin which requires it is installed without it."""
    for package in HERE_ALREADY:
        if package.replace("-", "_") not in there:
            _stand_in(package, target)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time among all processes; what a builder that died left behind is removed."""
    try:
        lock = FileLock(folder / "environment.lock")
    except FileNotFoundError:
        raise NotFound("The plugin was deleted") from None
    with lock:
        if not (folder / "environment").exists():
            for left in folder.glob("environment-*"):
                shutil.rmtree(left, ignore_errors=True)
            (folder / "new").unlink(missing_ok=True)
        yield


def _stand_in(package: str, target: Path) -> None:
    stem = f"{package.replace('-', '_')}-{OUR_VERSION}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(target / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {OUR_VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")))
