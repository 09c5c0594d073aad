"""Loading the files of a blueprint: the main file and its imports, breadth first."""

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from cfy_cli.dsl import bundled, known_plugins, versions
from cfy_cli.dsl.import_lines import Import, parse_imports
from cfy_cli.dsl.plugin_reduction import NEEDS_REDUCTION_BEFORE, reduce_plugin
from cfy_cli.dsl.problems import Problems
from cfy_cli.dsl.resolver import ImportResolver, ImportUnavailable, ResolvedImport, is_remote
from cfy_cli.dsl.versions import Version
from cfy_cli.dsl.yaml_nodes import SourceFile, YamlNode
from cfy_cli.dsl.yaml_reader import MAX_FILE_SIZE, read_yaml
from cfy_cli.errors import CfyError

PACK_HINT = "pack a folder that holds both, and name the main file in it with --blueprint-filename"


@dataclass(slots=True)
class SourceDocument:
    """A file of the blueprint, and where its own imports are searched."""

    node: YamlNode
    key: str  # its identity: a path, a URL or the name of a plugin or blueprint
    folder: Path | None = None  # that contains it
    root: Path | None = None  # where its imports are searched too
    boundary: Path | None = None  # that must contain its imports
    url: str = ""  # of it, if it is not in a folder
    prefix: str = ""  # of file names in problems: `blueprint:ID/`
    resolved: ResolvedImport | None = None
    properties: YamlNode | None = None  # values for the properties of its plugins

    @property
    def namespace(self) -> str:
        return self.node.source.namespace


@dataclass(slots=True)
class ImportedFiles:
    version: Version
    files: list[SourceDocument]  # the main file first
    blueprints: dict[str, str] = field(default_factory=dict)  # namespace -> id of the blueprint imported under it
    complete: bool = True  # whether all imports were found
    has_all_templates: bool = True  # whether every import was found that may define nodes and inputs
    has_unchecked: bool = False  # an import is not at hand, which is no problem of the blueprint
    known_names: dict[str, set[str]] = field(default_factory=dict)  # of public plugins not at hand, by section

    def add_known_names(self, line: Import) -> None:
        """Add the names of a plugin that is not at hand, so that only other names are unknown."""
        self.has_unchecked = True
        for section, names in known_plugins.names_of(known_plugins.package_of(line.name)).items():
            source = SourceFile(line.name, line.namespace)
            self.known_names.setdefault(section, set()).update(map(source.qualify, names))


class _ImportFailed(Exception):
    """An import that cannot be used: the rule and the message of the problem."""


def load_files(
    main: Path, root: Path, resolver: ImportResolver, problems: Problems, boundary: Path | None = None
) -> ImportedFiles | None:
    """Load all files of a blueprint, those of this machine from `boundary` alone, by default the root folder.

    Return None if the main file is unusable.
    """
    node = _read_file(main, SourceFile(_display_path(main, root)), problems)
    if node is None or not _check_document(node, problems):
        return None
    first = SourceDocument(node, str(main.resolve()), main.parent, root, boundary or root)
    imported = ImportedFiles(versions.read_version(node, problems), [first])
    _Loader(imported, resolver, problems).load(first)
    return imported


class _Loader:
    def __init__(self, imported: ImportedFiles, resolver: ImportResolver, problems: Problems) -> None:
        self.imported, self.resolver, self.problems = imported, resolver, problems
        self.known: dict[tuple[str, str], SourceDocument] = {}  # by key and namespace
        self.fetched: dict[str, ResolvedImport] = {}

    def load(self, first: SourceDocument) -> None:
        pending = deque([first])
        self.known[first.key, ""] = first
        while pending:
            parent = pending.popleft()
            for line in parse_imports(parent.node, self.problems):
                try:
                    file = self.find(line, parent)
                    self.check(line, file)
                except _ImportFailed as failure:
                    rule, message = failure.args
                    self.problems.add(line.node.location, rule, message)
                    file = None
                except ImportUnavailable as error:
                    message = f"`{line.name}` was not checked: {error.message}"
                    self.problems.note(line.node.location, "import", message, error.hint or "")
                    self.imported.add_known_names(line)
                    file = None
                if file is None:
                    self.imported.complete = False
                    if known_plugins.package_of(line.name) is None:
                        self.imported.has_all_templates = False
                elif (file.key, file.namespace) not in self.known:
                    self.known[file.key, file.namespace] = file
                    self.imported.files.append(file)
                    pending.append(file)

    def find(self, line: Import, parent: SourceDocument) -> SourceDocument | None:
        """Return the imported file, or None if it is unusable, which is reported."""
        if "--" in line.own_namespace:
            raise _ImportFailed("namespace", f"the namespace `{line.own_namespace}` contains `--`, which is reserved")
        if bundled.is_types_address(line.name):
            return self.basic_types()
        if is_remote(line.name):
            return self.load_remote(line.name, line)
        names_basic_types = line.name in bundled.IMPORT_NAMES
        if line.name.startswith("/") and not names_basic_types:
            raise _ImportFailed("import", f"`{line.name}` is outside the blueprint's folder")
        if parent.url and not names_basic_types:
            return self.load_remote(urljoin(parent.url, line.name), line)
        paths = _paths(line, parent)
        for path, shown in paths.items():
            if _is_file(path):
                return self.load_local(path, shown, line, parent)
        if names_basic_types:
            return self.basic_types()
        where = f"; looked for {' and '.join(f'`{shown}`' for shown in paths.values())}" if paths else ""
        raise _ImportFailed("import", f"`{line.name}` was not found{where}")

    def basic_types(self) -> SourceDocument:
        return SourceDocument(bundled.basic_types(self.imported.version), bundled.IMPORT_NAMES[0])

    def load_local(self, path: Path, shown: str, line: Import, parent: SourceDocument) -> SourceDocument | None:
        assert parent.boundary is not None
        real = path.resolve()
        if not real.is_relative_to(parent.boundary.resolve()):
            raise _ImportFailed("import", f"`{line.name}` is outside the blueprint's folder; {PACK_HINT}")
        if parent.root is not None and not real.is_relative_to(parent.root.resolve()):
            message = f"`{line.name}` is outside the blueprint's folder, the only one that an upload of this file packs"
            self.problems.warn(line.node.location, "import", message, PACK_HINT)
        if known := self.known.get((str(real), line.namespace)):
            return known
        node = _read_file(path, SourceFile(shown, line.namespace), self.problems)
        if node is None:
            return None
        return SourceDocument(
            node,
            str(real),
            path.parent,
            parent.root,
            parent.boundary,
            prefix=parent.prefix,
            properties=line.properties,
        )

    def load_remote(self, name: str, line: Import) -> SourceDocument | None:
        is_blueprint = name.startswith("blueprint:")
        if is_blueprint and not line.namespace:
            raise _ImportFailed("namespace", f"a blueprint must be imported under a namespace, such as `ns--{name}`")
        if known := self.known.get((name, line.namespace)):
            return known
        if is_blueprint and line.namespace in self.imported.blueprints:
            raise _ImportFailed(
                "namespace", f"another blueprint is already imported under the namespace `{line.namespace}`"
            )
        resolved = self.fetch(name)
        if is_blueprint:
            self.add_blueprint(name.removeprefix("blueprint:").strip(), line.namespace)
        node = read_yaml(resolved.text, SourceFile(resolved.name, line.namespace), self.problems)
        if node is None:
            return None
        if name.startswith("plugin:") and self.imported.version < NEEDS_REDUCTION_BEFORE:
            reduce_plugin(node)
        url = name if resolved.folder is None and "://" in name else ""
        prefix = f"{name}/" if is_blueprint else ""
        root = resolved.root or resolved.folder
        return SourceDocument(node, name, resolved.folder, root, root, url, prefix, resolved, line.properties)

    def add_blueprint(self, blueprint_id: str, namespace: str) -> None:
        outer = namespace
        while outer:  # the namespaces of the blueprints that import this one
            outer = outer.rpartition("--")[0]
            if self.imported.blueprints.get(outer) == blueprint_id:
                raise _ImportFailed("circle", f"the blueprint `{blueprint_id}` imports itself")
        self.imported.blueprints[namespace] = blueprint_id

    def fetch(self, name: str) -> ResolvedImport:
        if name not in self.fetched:
            try:
                resolved = self.resolver.resolve(name)
            except ImportUnavailable:
                raise
            except CfyError as error:
                hint = f"; {error.hint}" if error.hint else ""
                raise _ImportFailed("import", f"`{name}`: {error.message}{hint}") from error
            if resolved is None:
                raise _ImportFailed("import", f"`{name}` was not found")
            self.fetched[name] = resolved
        return self.fetched[name]

    def check(self, line: Import, file: SourceDocument | None) -> None:
        if file is None:
            return
        source = file.node.source
        if not source.basic and _check_document(file.node, self.problems) and _has_basic_types(file.node):
            source.basic, source.namespace = True, ""
        if source.basic and line.own_namespace:
            raise _ImportFailed("namespace", "the basic types cannot be imported under a namespace")
        if source.memo is None:
            versions.check_imported_version(file.node, self.imported.version, self.problems)


def _paths(line: Import, parent: SourceDocument) -> dict[Path, str]:
    """Return the files that an import may mean, in order of precedence, with their names in problems."""
    if line.name.startswith("/") or parent.folder is None or parent.root is None:
        return {}
    paths = [folder / line.name for folder in dict.fromkeys((parent.folder, parent.root))]
    return {path: parent.prefix + _display_path(path, parent.root) for path in paths}


def _has_basic_types(node: YamlNode) -> bool:
    node_types = node.get("node_types")
    return node_types is not None and node_types.get("cloudify.nodes.Root") is not None


def _check_document(node: YamlNode, problems: Problems) -> bool:
    if not isinstance(node.value, dict):
        problems.add(node.location, "type", "a blueprint file must be a mapping of sections")
        return False
    return True


def _read_file(path: Path, source: SourceFile, problems: Problems) -> YamlNode | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        problems.add(YamlNode(None, source).location, "import", f"the file cannot be read: {error.strerror}")
        return None
    return read_yaml(data, source, problems)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # not a valid file name
        return False


def _display_path(path: Path, root: Path) -> str:
    """Return the name of a file in problems: its path relative to the root folder, with links not followed."""
    try:
        return Path(os.path.normpath(path)).relative_to(os.path.normpath(root)).as_posix()
    except ValueError:
        return Path(os.path.relpath(path, root)).as_posix()
