"""The environment of each plugin: a virtual environment below the data folder, made when it is first needed."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cfy_cli.errors import CfyError, Invalid, NotFound
from cfy_cli.manager.services.archives import Budget
from cfy_cli.manager.services.manager import Manager
from cfy_cli.manager.services.plugins import WAGON
from cfy_cli.manager.services.wagons import wheels_of
from cfy_cli.manager.store.models import Plugin
from cfy_cli.manager.store.scope import system

Tell = Callable[[str, str], None]  # level, message

# What wagons are often packed without, since every manager has it: ours is the module `cloudify` of the engine.
HERE_ALREADY = ("cloudify-common", "cloudify-plugins-common", "cloudify-rest-client")
OUR_VERSION = "7.0.5"
LONGEST = 900  # seconds of one step
QUIETLY = ("--quiet", "--isolated", "--no-input", "--no-cache-dir", "--disable-pip-version-check")
TOLD = 12  # lines of what a failed step printed


def environment_of(manager: Manager, plugin: Plugin, tell: Tell) -> Path:
    """The folder of the environment, made now if nobody has yet; others who want it meanwhile wait. Raises Invalid."""
    folder = manager.files.plugin(plugin.storage_id)
    link = folder / "environment"
    if link.exists():
        return link.resolve()
    with _alone(folder):
        if link.exists():
            return link.resolve()
        tell(
            "info",
            f"Installing managed plugin: {plugin.id} [package_name: {plugin.package_name}, "
            f"package_version: {plugin.package_version}, supported_platform: {plugin.supported_platform}]",
        )
        try:
            made = _make(plugin, folder)
        except CfyError as error:
            _note(manager, plugin, "error", error.message)
            raise
        os.symlink(made.name, folder / "new")
        (folder / "new").replace(link)  # whoever sees it finds it whole
        _note(manager, plugin, "installed")
        return made


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time among all processes; what a builder that died left behind is removed."""
    try:
        lock = (folder / "environment.lock").open("w")
    except FileNotFoundError:
        raise NotFound("The plugin was deleted") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "environment").exists():
            for left in folder.glob("environment-*"):
                shutil.rmtree(left, ignore_errors=True)
        yield


def _make(plugin: Plugin, folder: Path) -> Path:
    made = folder / f"environment-{uuid.uuid4().hex[:8]}"
    name = f"{plugin.package_name} {plugin.package_version}"
    try:
        with tempfile.TemporaryDirectory(dir=folder) as wheels:
            _unpack_wheels(folder / WAGON, Path(wheels))
            python = made / "bin" / "python"
            # Its own pip is what takes the most time to install, and nobody asks for it.
            pip = [sys.executable, "-m", "pip", "--python", str(python)] if _has_pip() else [str(python), "-m", "pip"]
            wanted = f"{plugin.package_name}=={plugin.package_version}"
            _step(name, [sys.executable, "-m", "venv", *(["--without-pip"] if _has_pip() else []), str(made)])
            _step(name, [*pip, *QUIETLY, "install", "--no-index", "--find-links", wheels, wanted])
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return made


def _has_pip() -> bool:
    return importlib.util.find_spec("pip") is not None


def _step(name: str, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=LONGEST,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Invalid(f"The plugin {name} could not be installed: {error}") from error
    if done.returncode:
        told = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-TOLD:])
        raise Invalid(f"The plugin {name} could not be installed: {told}")


def _unpack_wheels(wagon: Path, target: Path) -> None:
    budget = Budget()
    with wheels_of(wagon) as wheels:
        for name, content in wheels:
            with content, (target / name).open("wb") as file:
                budget.spend(name, 0)
                while chunk := content.read(1 << 20):
                    budget.spend_bytes(name, len(chunk))
                    file.write(chunk)
    there = {file.name.partition("-")[0].lower() for file in target.iterdir()}
    for package in HERE_ALREADY:
        if package.replace("-", "_") not in there:
            _stand_in(package, target)


def _stand_in(package: str, target: Path) -> None:
    """A wheel without content, so that a plugin which requires the package can be installed without it."""
    stem = f"{package.replace('-', '_')}-{OUR_VERSION}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(target / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {OUR_VERSION}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "".join(f"{info}/{name},,\n" for name in ("METADATA", "WHEEL", "RECORD")))


def _note(manager: Manager, plugin: Plugin, state: str, error: str | None = None) -> None:
    """What `cfy plugins get` tells of the installation."""
    with manager.writing(system(plugin.tenant_name)) as store:
        row = store.session.get(Plugin, plugin.storage_id)
        if row is not None:
            row.installation_state = [{"manager": manager.hostname, "agent": None, "state": state, "error": error}]
