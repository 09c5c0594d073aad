"""Imports of files and of names that a resolver resolves."""

import os
from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.dsl.imports import PACK_HINT
from cfy_cli.errors import NotFound
from tests.dsl.in_memory_lookups import write_blueprint

PLUGIN = b"""\
plugins:
  p:
    executor: central_deployment_agent
    package_name: a-plugin
    package_version: '1.0'
    properties: {url: {type: string}, count: {type: integer}}
labels: {from: {values: [the file]}}
node_types: {p.node: {interfaces: {i: {op: p.mod.op}}}}
"""


class FakeResolver:
    """A resolver of given imports that records the requested names."""

    def __init__(self, **imports: dsl.ResolvedImport) -> None:
        self.imports = imports
        self.requested: list[str] = []

    def resolve(self, name: str) -> dsl.ResolvedImport | None:
        self.requested.append(name)
        if name.endswith("gone"):
            raise NotFound("it is gone", hint="look elsewhere")
        return self.imports.get(name.partition(":")[2])


def lint_messages(main: Path, **options: Any) -> list[str]:
    return [str(problem) for problem in dsl.lint(main, **options)]


def test_plugin_import_has_labels_stored_by_manager(tmp_path: Path) -> None:
    resolver = FakeResolver(
        plugin=dsl.ResolvedImport(
            "plugin:plugin",
            PLUGIN,
            labels={"kept": ["a", "b"]},
            blueprint_labels={"arch": ["x"]},
            resource_tags={"t": "v"},
        )
    )
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_5
        imports:
          - plugin:plugin: {url: 'http://x', count: {get_secret: c}}
        node_templates: {n: {type: p.node}}
        """,
    )
    plan = dsl.compile_blueprint(main, resolver=resolver)
    assert plan["nodes"][0]["operations"]["op"]["plugin"] == "p"
    assert plan["labels"] == {"kept": {"values": ["a", "b"]}}
    assert plan["blueprint_labels"] == {"arch": {"values": ["x"]}}
    assert plan["resource_tags"] == {"t": "v"}
    [plugin] = plan["deployment_plugins_to_install"]
    assert plugin["properties"] == {
        "url": {"type": "string", "value": "http://x"},
        "count": {"type": "integer", "value": {"get_secret": "c"}},
    }


def test_invalid_plugin_properties_are_reported(tmp_path: Path) -> None:
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_5
        imports:
          - plugin:plugin: {ulr: x, count: many}
        """,
    )
    assert lint_messages(main, resolver=FakeResolver(plugin=dsl.ResolvedImport("plugin:plugin", PLUGIN))) == [
        "blueprint.yaml:3:21: no imported plugin has a property `ulr`; did you mean `url`?",
        "blueprint.yaml:3:36: expected a value of the type integer, got the string `many`",
    ]


def test_blueprint_import_has_namespace_and_own_files(tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_blueprint(other, "node_types: {t: {}}\n", "more/types.yaml")
    text = b"""\
tosca_definitions_version: cloudify_dsl_1_3
imports: [more/types.yaml]
plugins: {script: {executor: central_deployment_agent, install: false}}
node_templates: {n: {type: t, interfaces: {i: {op: scripts/theirs.sh}}}}
"""
    main = write_blueprint(
        tmp_path / "mine",
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: ['ns--blueprint:other']
        """,
    )
    resolver = FakeResolver(other=dsl.ResolvedImport("blueprint:other", text, folder=other))
    plan = dsl.compile_blueprint(main, resolver=resolver)
    assert plan["imported_blueprints"] == ["other"]
    assert plan["namespaces_mapping"] == {"ns": "other"}
    [node] = plan["nodes"]
    assert (node["name"], node["type"]) == ("ns--n", "ns--t")
    assert node["operations"]["op"]["inputs"] == {"script_path": "ns--scripts/theirs.sh"}


def test_imports_in_remote_file_are_relative_to_its_url(tmp_path: Path) -> None:
    resolver = FakeResolver(
        **{
            "//example.com/a/types.yaml": dsl.ResolvedImport(
                "http://example.com/a/types.yaml", b"imports: [more.yaml]\n"
            ),
            "//example.com/a/more.yaml": dsl.ResolvedImport(
                "http://example.com/a/more.yaml", b"node_types: {t: {x: 1}}\n"
            ),
        }
    )
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: ['http://example.com/a/types.yaml']
        """,
    )
    assert lint_messages(main, resolver=resolver) == ["http://example.com/a/more.yaml:1:18: unknown key `x`"]
    assert resolver.requested == ["http://example.com/a/types.yaml", "http://example.com/a/more.yaml"]


def test_resolver_error_is_reported_at_import(tmp_path: Path) -> None:
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: ['plugin:gone', 'plugin:unheard of']
        """,
    )
    assert lint_messages(main, resolver=FakeResolver()) == [
        "blueprint.yaml:2:11: `plugin:gone`: it is gone; look elsewhere",
        "blueprint.yaml:2:26: `plugin:unheard of` was not found",
    ]


def test_missing_import_does_not_affect_other_problems(tmp_path: Path) -> None:
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [missing.yaml]
        inputs: {a: {tpye: string}}
        node_templates:
          n: {type: from.the.missing.file, interfaces: {i: {op: its.plugin.op}}}
        outputs: {o: {value: {get_property: [n, x]}}}
        """,
    )
    assert lint_messages(main) == [
        "blueprint.yaml:2:11: `missing.yaml` was not found; looked for `missing.yaml`",
        "blueprint.yaml:3:14: unknown key `tpye`; did you mean `type`?",
    ]


def test_imports_are_relative_to_importing_file_or_root(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "node_types: {from_root: {}}\n", "shared/types.yaml")
    write_blueprint(tmp_path, "imports: [shared/types.yaml, beside.yaml, none.yaml]\n", "app/parts/all.yaml")
    write_blueprint(tmp_path, "node_types: {beside: {derived_from: from_root}}\n", "app/parts/beside.yaml")
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [parts/all.yaml]
        node_templates: {n: {type: beside}}
        """,
        "app/blueprint.yaml",
    )
    assert lint_messages(main, root=tmp_path) == [
        "app/parts/all.yaml:1:43: `none.yaml` was not found; looked for `app/parts/none.yaml` and `none.yaml`"
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_import_outside_of_folder_is_refused(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "node_types: {t: {}}\n", "outside.yaml")
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [../outside.yaml, link.yaml, 'file:///etc/hostname']
        """,
        "inside/blueprint.yaml",
    )
    (main.parent / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    assert lint_messages(main) == [
        f"blueprint.yaml:2:11: `../outside.yaml` is outside the blueprint's folder; {PACK_HINT}",
        f"blueprint.yaml:2:28: `link.yaml` is outside the blueprint's folder; {PACK_HINT}",
        "blueprint.yaml:2:39: `file:///etc/hostname`: files outside the blueprint's folder cannot be imported",
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_import_within_boundary_is_a_warning(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "node_types: {t: {}}\n", "out/here.yaml")
    write_blueprint(tmp_path, "imports: [beside.yaml, ../in/own.yaml, ../../top.yaml]\n", "all/plugin.yaml")
    write_blueprint(tmp_path, "node_types: {u: {tpye: 1}}\n", "all/beside.yaml")
    write_blueprint(tmp_path, "node_types: {v: {}}\n", "all/in/own.yaml")
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [../plugin.yaml, link.yaml]
        """,
        "all/in/blueprint.yaml",
    )
    (main.parent / "link.yaml").symlink_to(tmp_path / "out" / "here.yaml")
    packed = "the only one that an upload of this file packs"
    assert lint_messages(main, boundary=tmp_path / "all") == [
        f"blueprint.yaml:2:11: warning: `../plugin.yaml` is outside the blueprint's folder, {packed}; {PACK_HINT}",
        f"blueprint.yaml:2:27: `link.yaml` is outside the blueprint's folder; {PACK_HINT}",
        "../beside.yaml:1:18: unknown key `tpye`",
        f"../plugin.yaml:1:11: warning: `beside.yaml` is outside the blueprint's folder, {packed}; {PACK_HINT}",
        "../plugin.yaml:1:40: `../../top.yaml` was not found; looked for `../../../top.yaml` and `../../top.yaml`",
    ]


def test_basic_types_match_version_of_blueprint(tmp_path: Path) -> None:
    for version, rules, recursive in (("1_0", 0, 0), ("1_3", 0, 0), ("1_4", 1, 0), ("1_5", 1, 1)):
        main = write_blueprint(
            tmp_path,
            f"""\
            tosca_definitions_version: cloudify_dsl_{version}
            imports: [/cloudify/types/types.yaml]
            """,
        )
        workflows = dsl.compile_blueprint(main)["workflows"]
        assert bool(workflows["start"]["availability_rules"]) is bool(rules)
        assert ("recursive" in workflows["uninstall"]["parameters"]) is bool(recursive)


def test_circular_imports_are_loaded_once(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "imports: [blueprint.yaml, b.yaml]\nnode_types: {t: {}}\n", "a.yaml")
    write_blueprint(tmp_path, "imports: [a.yaml]\n", "b.yaml")
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [a.yaml, b.yaml]
        node_templates: {n: {type: t}}
        """,
    )
    assert lint_messages(main) == []


def test_policies_and_labels_of_files_are_merged(tmp_path: Path) -> None:
    write_blueprint(
        tmp_path,
        """\
        labels: {a: {values: [theirs]}, b: {values: [theirs]}}
        groups: {h: {members: [m]}}
        policies: {q: {type: cloudify.policies.scaling, targets: [h]}}
        """,
        "more.yaml",
    )
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_3
        imports: [more.yaml]
        labels: {a: {values: [mine]}}
        node_types: {t: {}}
        node_templates: {n: {type: t}, m: {type: t}}
        groups: {g: {members: [n]}}
        policies: {p: {type: cloudify.policies.scaling, targets: [g]}}
        """,
    )
    plan = dsl.compile_blueprint(main)
    assert plan["labels"] == {"a": {"values": ["mine"]}, "b": {"values": ["theirs"]}}
    assert sorted(plan["scaling_groups"]) == ["g", "h"]


def test_blueprint_that_imports_itself_is_refused(tmp_path: Path) -> None:
    write_blueprint(tmp_path, "imports: ['deeper--blueprint:ring']\n", "ring/blueprint.yaml")
    text = (tmp_path / "ring" / "blueprint.yaml").read_bytes()
    resolver = FakeResolver(ring=dsl.ResolvedImport("blueprint:ring", text, folder=tmp_path / "ring"))
    main = write_blueprint(tmp_path, "tosca_definitions_version: cloudify_dsl_1_4\nimports: ['a--blueprint:ring']\n")
    assert lint_messages(main, resolver=resolver) == ["blueprint:ring:1:11: the blueprint `ring` imports itself"]
