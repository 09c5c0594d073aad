"""Gathering the files of a blueprint: the main one and all it imports, nearest first."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from cfy_cli.dsl import bundled, versions
from cfy_cli.dsl.problems import Problems
from cfy_cli.dsl.resolver import Resolved, Resolver, is_remote
from cfy_cli.dsl.source import LARGEST_FILE, Node, Source, read
from cfy_cli.dsl.versions import Version
from cfy_cli.errors import CfyError


@dataclass(slots=True)
class File:
    """A gathered file, and where the names in its own imports are looked for."""

    node: Node
    key: str  # what it is, whoever imports it
    folder: Path | None = None  # where it stands
    root: Path | None = None  # what its imports may not reach out of
    url: str = ""  # where it stands, when that is no folder
    prefix: str = ""  # put before file names in problems: `blueprint:ID/`
    resolved: Resolved | None = None
    properties: Node | None = None  # values its importer gives to the properties of its plugins

    @property
    def namespace(self) -> str:
        return self.node.source.namespace


@dataclass(slots=True)
class Gathered:
    version: Version
    files: list[File]  # the main one first
    blueprints: dict[str, str] = field(default_factory=dict)  # namespace -> the blueprint imported under it
    whole: bool = True  # whether all imports could be had


class _Refused(Exception):
    """An import that cannot be had: its rule and a sentence."""


def gather(main: Path, root: Path, resolver: Resolver, problems: Problems) -> Gathered | None:
    """All files of a blueprint, or None when the main one cannot be used."""
    node = _read_file(main, Source(_shown(main, root)), problems)
    if node is None or not _is_document(node, problems):
        return None
    first = File(node, str(main.resolve()), main.parent, root)
    gathered = Gathered(versions.main_version(node, problems), [first])
    _Gatherer(gathered, resolver, problems).follow(first)
    return gathered


@dataclass(slots=True)
class _Wanted:
    """One line of an `imports` section."""

    node: Node
    name: str  # without the namespace
    namespace: str  # with that of the importing file
    own_namespace: str
    properties: Node | None


class _Gatherer:
    def __init__(self, gathered: Gathered, resolver: Resolver, problems: Problems) -> None:
        self.gathered, self.resolver, self.problems = gathered, resolver, problems
        self.known: dict[tuple[str, str], File] = {}
        self.fetched: dict[str, Resolved] = {}

    def follow(self, first: File) -> None:
        waiting = deque([first])
        self.known[first.key, ""] = first
        while waiting:
            parent = waiting.popleft()
            for wanted in self.wanted(parent.node):
                try:
                    file = self.find(wanted, parent)
                    self.check(wanted, file)
                except _Refused as refused:
                    rule, message = refused.args
                    self.problems.add(wanted.node.place, rule, message)
                    file = None
                if file is None:
                    self.gathered.whole = False
                elif (file.key, file.namespace) not in self.known:
                    self.known[file.key, file.namespace] = file
                    self.gathered.files.append(file)
                    waiting.append(file)

    def wanted(self, document: Node) -> Iterator[_Wanted]:
        section = document.get("imports")
        if section is None or section.value is None:
            return
        if not isinstance(section.value, list):
            self.problems.add(section.place, "type", "`imports` must be a list")
            return
        seen: set[str] = set()
        for node in section.value:
            text, properties = node.value, None
            if isinstance(node.value, dict) and len(node.value) == 1:
                [(text, properties)] = node.value.items()
            if not isinstance(text, str) or not text:
                self.problems.add(
                    node.place, "type", "an import must be a name, or a name with a mapping of properties"
                )
            elif text in seen:
                self.problems.add(node.place, "import", f"`{text}` is imported twice here")
            else:
                seen.add(text)
                own, name = _split(text)
                namespace = "--".join(filter(None, [document.source.namespace, own]))
                yield _Wanted(node, name, namespace, own, properties)

    def find(self, wanted: _Wanted, parent: File) -> File | None:
        """The file an import means; None when it cannot be used, which is told."""
        if "--" in wanted.own_namespace:
            raise _Refused("namespace", f"a namespace may not hold `--`, as `{wanted.own_namespace}` does")
        if is_remote(wanted.name):
            return self.remote(wanted.name, wanted)
        looked: list[str] = []
        if wanted.name.startswith("/"):
            if wanted.name not in bundled.NAMES:
                raise _Refused("import", f"`{wanted.name}` is not within the blueprint's folder, which is refused")
        elif parent.url:
            return self.remote(urljoin(parent.url, wanted.name), wanted)
        elif parent.folder and parent.root:
            for folder in dict.fromkeys((parent.folder, parent.root)):
                path = folder / wanted.name
                shown = parent.prefix + _shown(path, parent.root)
                if _is_file(path):
                    return self.local(path, shown, wanted, parent)
                looked.append(f"`{shown}`")
        if wanted.name in bundled.NAMES:
            return File(bundled.basic_types(self.gathered.version), bundled.NAMES[0])
        raise _Refused("import", f"`{wanted.name}` was not found; looked for {' and '.join(looked) or 'nothing'}")

    def local(self, path: Path, shown: str, wanted: _Wanted, parent: File) -> File | None:
        assert parent.root is not None
        real = path.resolve()
        if not real.is_relative_to(parent.root.resolve()):
            raise _Refused("import", f"`{wanted.name}` leads out of the blueprint's folder, which is refused")
        if known := self.known.get((str(real), wanted.namespace)):
            return known
        node = _read_file(path, Source(shown, wanted.namespace), self.problems)
        if node is None:
            return None
        return File(node, str(real), path.parent, parent.root, prefix=parent.prefix, properties=wanted.properties)

    def remote(self, name: str, wanted: _Wanted) -> File | None:
        is_blueprint = name.startswith("blueprint:")
        if is_blueprint and not wanted.namespace:
            raise _Refused("namespace", f"a blueprint is imported under a namespace: write `ns--{name}`")
        if known := self.known.get((name, wanted.namespace)):
            return known
        if is_blueprint and wanted.namespace in self.gathered.blueprints:
            raise _Refused("namespace", f"another blueprint is imported under `{wanted.namespace}`")
        resolved = self.fetch(name)
        if is_blueprint:
            self.gathered.blueprints[wanted.namespace] = name.removeprefix("blueprint:")
        node = read(resolved.text, Source(resolved.name, wanted.namespace), self.problems)
        if node is None:
            return None
        url = name if resolved.folder is None and "://" in name else ""
        prefix = f"{name}/" if is_blueprint else ""
        return File(node, name, resolved.folder, resolved.folder, url, prefix, resolved, wanted.properties)

    def fetch(self, name: str) -> Resolved:
        if name not in self.fetched:
            try:
                found = self.resolver.resolve(name)
            except CfyError as error:
                hint = f"; {error.hint}" if error.hint else ""
                raise _Refused("import", f"`{name}`: {error.message}{hint}") from error
            if found is None:
                raise _Refused("import", f"`{name}` was not found")
            self.fetched[name] = found
        return self.fetched[name]

    def check(self, wanted: _Wanted, file: File | None) -> None:
        if file is None:
            return
        source = file.node.source
        if not source.basic and _is_document(file.node, self.problems) and _holds_basic_types(file.node):
            source.basic, source.namespace = True, ""
        if source.basic and wanted.own_namespace:
            raise _Refused("namespace", "the basic types cannot be imported under a namespace")
        if source.memo is None:
            versions.check_import(file.node, self.gathered.version, self.problems)


def _split(text: str) -> tuple[str, str]:
    """The namespace and the rest of `ns--name`; a `--` further on belongs to the name."""
    namespace, _, name = text.rpartition("--")
    return ("", text) if "/" in namespace or ":" in namespace else (namespace, name)


def _holds_basic_types(node: Node) -> bool:
    node_types = node.get("node_types")
    return node_types is not None and node_types.get("cloudify.nodes.Root") is not None


def _is_document(node: Node, problems: Problems) -> bool:
    if not isinstance(node.value, dict):
        problems.add(node.place, "type", "a blueprint is a mapping of sections, and this file is not")
        return False
    return True


def _read_file(path: Path, source: Source, problems: Problems) -> Node | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        problems.add(Node(None, source).place, "import", f"the file cannot be read: {error.strerror}")
        return None
    return read(data, source, problems)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name no file can have
        return False


def _shown(path: Path, root: Path) -> str:
    """How problems call a file: relative to the root folder, links not followed."""
    try:
        return Path(os.path.normpath(path)).relative_to(os.path.normpath(root)).as_posix()
    except ValueError:
        return Path(os.path.relpath(path, root)).as_posix()
