"""Archives of blueprints, requirements of their plugins, and writing of such files."""

import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from cfy_cli.contract.plan import Plan
from cfy_cli.errors import CfyError, Usage

_TAR_SUFFIXES = (".tar.gz", ".tgz")


def create_archive(typed: str, output_path: str | None) -> Path:
    """Archive the folder of a blueprint as tar.gz, or zip by the suffix of the output path; return its path."""
    path = Path(typed)
    folder = (path if path.is_dir() else path.parent).resolve()
    target = _target_path(output_path or folder.name.replace("_", "-"))

    def write(part: Path) -> None:
        write_archive = _write_zip if target.suffix == ".zip" else _write_tar
        write_archive(folder, part, {target.resolve(), part.resolve()})

    _write_atomically(target, write)
    return target


def plugin_requirements(blueprint: Path, compiled: Mapping[str, object]) -> list[str]:
    """Return the sources of the plugins to install: URLs, and folders under `plugins/` beside the blueprint."""
    plan = cast("Plan", compiled)
    plugins = [
        *plan["deployment_plugins_to_install"],
        *(plugin for node in plan["nodes"] for plugin in node["plugins"]),
    ]
    sources = {plugin["source"] for plugin in plugins if plugin["install"] and plugin["source"]}
    folder = blueprint.resolve().parent / "plugins"
    return sorted(source if "://" in source else str(folder / source) for source in sources if source)


def write_text(path: str, text: str) -> None:
    """Replace a file atomically. Raises CfyError."""
    _write_atomically(Path(path), lambda part: part.write_text(text, encoding="utf-8"))


def write_new_text(path: str, text: str) -> None:
    """Write a new file. Raises Usage when it exists."""
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Usage(f"The file {path} already exists", hint="Delete it first, or give another name.") from None
    except OSError as error:
        raise CfyError(f"Cannot write {path}: {error.strerror}") from error


def _write_atomically(target: Path, write: Callable[[Path], object]) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        write(part)
        os.replace(part, target)
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _target_path(name: str) -> Path:
    has_suffix = name.endswith((*_TAR_SUFFIXES, ".zip"))
    return Path(name if has_suffix else f"{name}.tar.gz")


def _write_tar(folder: Path, part: Path, excluded: set[Path]) -> None:
    with tarfile.open(part, "w:gz", compresslevel=6) as tar:
        for path, name in _members(folder, excluded):
            tar.add(path, name, recursive=False)


def _write_zip(folder: Path, part: Path, excluded: set[Path]) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in _members(folder, excluded):
            archive.write(path, name)


def _members(folder: Path, excluded: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the folder and everything in it with names in the archive, in a stable order."""
    yield folder, folder.name
    for directory, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted((*folders, *names)):
            path = Path(directory, name)
            if path not in excluded:
                yield path, str(Path(folder.name, path.relative_to(folder)))
