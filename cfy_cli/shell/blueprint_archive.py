"""Archives of blueprints, and what their plugins need of pip."""

import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfy_cli.errors import CfyError, Usage

_TAR = (".tar.gz", ".tgz")


def package(typed: str, output_path: str | None) -> Path:
    """The archive of a blueprint's folder: a tar.gz, or a zip where that is asked for. It is whole or not there."""
    path = Path(typed)
    folder = (path if path.is_dir() else path.parent).resolve()
    target = _target(output_path or folder.name.replace("_", "-"))
    part = target.with_name(f".{target.name}.part")
    try:
        (_zip if target.suffix == ".zip" else _tar)(folder, part, {target.resolve(), part.resolve()})
        os.replace(part, target)
    except OSError as error:
        raise CfyError(f"Cannot write {target}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def requirements(blueprint: Path, plan: Mapping[str, Any]) -> list[str]:
    """Where the plugins that are to be installed come from: URLs, and folders beside the blueprint under plugins/."""
    plugins = [*plan["deployment_plugins_to_install"], *(each for node in plan["nodes"] for each in node["plugins"])]
    sources = {plugin["source"] for plugin in plugins if plugin["install"] and plugin["source"]}
    beside = blueprint.resolve().parent / "plugins"
    return sorted(source if "://" in source else str(beside / source) for source in sources)


def write(path: str, text: str) -> None:
    """A file, whole or as it was before."""
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        raise CfyError(f"Cannot write {path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def write_new(path: str, text: str) -> None:
    """A file that must not be there yet. Raises Usage when it is."""
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Usage(f"{path} is there already", hint="Remove it first, or name another file.") from None
    except OSError as error:
        raise CfyError(f"Cannot write {path}: {error.strerror}") from error


def _target(name: str) -> Path:
    known = name.endswith((*_TAR, ".zip"))
    return Path(name if known else f"{name}.tar.gz")


def _tar(folder: Path, part: Path, without: set[Path]) -> None:
    with tarfile.open(part, "w:gz", compresslevel=6) as tar:
        for path, name in _files(folder, without):
            tar.add(path, name, recursive=False)


def _zip(folder: Path, part: Path, without: set[Path]) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in _files(folder, without):
            archive.write(path, name)


def _files(folder: Path, without: set[Path]) -> Iterator[tuple[Path, str]]:
    """All in the folder under its own name, in the same order every time, but not the archive itself."""
    yield folder, folder.name
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted((*folders, *names)):
            path = Path(here, name)
            if path not in without:
                yield path, str(Path(folder.name, path.relative_to(folder)))
