"""Libraries that cloudify-common and the worker of a public manager bring, in one environment that plugins share.

The engine provides the modules of cloudify-common, so nothing else installs what that package requires. Plugins that
require it find the shared environment after their own packages, and the packages of the manager itself after that.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.plugins.venvs import (
    PROVIDED_PACKAGES,
    LogFunction,
    VenvBuilder,
    ensure_venv,
    modules_folder,
)
from cfy_cli.manager.store.files import Files

LIBRARIES = (
    "aiohttp<4",
    "bottle<1",
    "cryptography",
    "distro<2,>=1.7",
    "fasteners<1",
    "jinja2<4,>=3.1.4",
    "networkx<3,>2",
    "packaging",
    "pika<2",
    "pip",
    "proxy_tools<1",
    "python-dateutil",
    "pytz",
    "PyYAML<7,>6",
    "requests<3,>=2.32",
    "requests_toolbelt<2,>=1",
    "retrying",
    "setuptools",
    "urllib3>=2.0.7",
    "wagon<2,>=1",
)
PACKAGE_FOLDERS = ("site-packages", "dist-packages")
LINK_FILE = "zz_libraries.pth"  # Python adds each folder in it to sys.path, if the folder exists


def provide_libraries(files: Files, builder: VenvBuilder, log: LogFunction) -> None:
    """Let an environment find the libraries if one of its packages requires cloudify-common and none brings it."""
    if _requires_provided_package(builder.modules):
        _install(files, builder, log)
        builder.write(LINK_FILE, _link(files))


def restore_libraries(files: Files, builder: VenvBuilder, log: LogFunction) -> None:
    """Provide the libraries again to an environment that comes from a backup, which does not contain them."""
    link = builder.modules / LINK_FILE
    if link.exists():
        present = link.read_text("utf-8").partition("\n")[0]
        if present != str(_modules(files)) and not Path(present).exists():
            _install(files, builder, log)
            link.write_text(_link(files), "utf-8")


def _install(files: Files, builder: VenvBuilder, log: LogFunction) -> None:
    """Install the libraries for all environments, unless they are there; log a warning when that is impossible."""
    folder = files.libraries_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        ensure_venv(
            folder,
            "cloudify-common",
            lambda libraries: libraries.install("--retries", "1", "--no-compile", *LIBRARIES),
            lambda: log("info", "Installing the libraries that cloudify-common brings"),
            builder.user,
        )
    except Invalid as error:
        log(
            "warning",
            f"The libraries that cloudify-common brings could not be installed, so {builder.name} finds only those "
            f"of the manager: {error.message}",
        )


def _link(files: Files) -> str:
    """Return the content of the file that lets an environment find the libraries, and those of the manager."""
    of_manager = [path for path in sys.path if Path(path).name in PACKAGE_FOLDERS]
    return "".join(f"{line}\n" for line in (_modules(files), *of_manager))


def _modules(files: Files) -> Path:
    """Return the folder of the libraries, whose name changes when they are installed again, if they are there."""
    return modules_folder((files.libraries_folder() / "environment").resolve())


def _requires_provided_package(modules: Path) -> bool:
    has_own = (modules / "cloudify" / "__init__.py").exists()
    return not has_own and not set(_required_names(modules)).isdisjoint(PROVIDED_PACKAGES)


def _required_names(modules: Path) -> Iterator[str]:
    for distribution in distributions(path=[str(modules)]):
        for text in distribution.requires or ():
            try:
                yield canonicalize_name(Requirement(text).name)
            except InvalidRequirement:
                continue
