"""Functions when a deployment is created and while it runs."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cfy_cli import dsl
from cfy_cli.dsl.functions import names
from tests.dsl.in_memory_lookups import ExtendedInMemoryLookups, InMemoryLookups, write_blueprint

HEAD = """\
tosca_definitions_version: cloudify_dsl_1_5
inputs: {name: {default: web}, nest: {default: {a: [1, {b: deep}]}}}
relationships:
  cloudify.relationships.depends_on: {properties: {connection_type: {default: all_to_all}}}
  cloudify.relationships.contained_in: {derived_from: cloudify.relationships.depends_on}
node_types:
  t: {properties: {p: {default: {x: [10, 20]}}, lazy: {required: false}, port: {default: 80}}}
node_templates:
  web: {type: t, properties: {lazy: {get_attribute: [SELF, ip]}}}
  many: {type: t, capabilities: {scalable: {properties: {default_instances: 2}}}}
  user:
    type: t
    relationships: [{type: cloudify.relationships.depends_on, target: web}]
"""


@pytest.fixture
def lookups(tmp_path: Path) -> InMemoryLookups:
    lookups = InMemoryLookups.of(
        write_blueprint(tmp_path, HEAD),
        secrets={"s": "hush", "json": '{"a": [1, {"b": 2}]}'},
        capabilities={"dep.cap": {"k": [5, 6]}, "parent.cap": "from above"},
        labels={"colour": ["blue", "green"], "csys-obj-parent": ["parent"]},
    )
    [web] = lookups.instance_ids("web")
    lookups.set(web, ip="10.0.0.1", nested={"l": [1, {"k": "v"}]}, zero=0, call={"get_secret": "s"})
    return lookups


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ({"get_attribute": ["web", "ip"]}, "10.0.0.1"),
        ({"get_attribute": ["web", "nested", "l", 1, "k"]}, "v"),
        ({"get_attribute": ["web", "nested", "l", "1", "k"]}, "v"),
        ({"get_attribute": ["web", "zero"]}, 0),
        ({"get_attribute": ["web", "none"]}, None),
        ({"get_attribute": ["web", "nested", "none", "at", "all"]}, None),
        ({"get_attribute": ["web", "port"]}, 80),
        ({"get_attribute": ["web", "p", "x", 1]}, 20),
        ({"get_attribute": ["web", "call"]}, "hush"),
        ({"get_attribute": ["web", "node_instance_index"]}, 1),
        ({"get_attribute": [{"get_input": "name"}, "ip"]}, "10.0.0.1"),
        ({"get_attributes_list": ["many", "port"]}, [80, 80]),
        ({"get_property": ["web", "lazy"]}, "10.0.0.1"),
        ({"get_property": ["web", "p", "x"]}, [10, 20]),
        ({"get_input": ["nest", "a", 1, "b"]}, "deep"),
        ({"get_secret": "s"}, "hush"),
        ({"get_secret": ["json", "a", 1, "b"]}, 2),
        ({"get_capability": ["dep", "cap", "k", 1]}, 6),
        ({"get_environment_capability": "cap"}, "from above"),
        ({"get_label": "colour"}, ["blue", "green"]),
        ({"get_label": ["colour", 1]}, "green"),
        ({"get_sys": ["deployment", "id"]}, "deployment/id"),
        (
            {"concat": ["http://", {"get_attribute": ["web", "ip"]}, ":", {"get_property": ["web", "port"]}]},
            "http://10.0.0.1:80",
        ),
        ({"concat": ["x-", {"get_attribute": ["web", "none"]}]}, "x-None"),
        ({"merge": [{"a": 1}, {"get_attribute": ["web", "nested"]}]}, {"a": 1, "l": [1, {"k": "v"}]}),
        ({"string_upper": {"get_secret": "s"}}, "HUSH"),
        ({"string_lower": "ABC"}, "abc"),
        ({"string_split": [{"get_attribute": ["web", "ip"]}, ".", 0]}, "10"),
        ({"string_find": [{"get_attribute": ["web", "ip"]}, "0.1"]}, 5),
        ({"string_replace": [{"get_attribute": ["web", "ip"]}, ".", "-", 2]}, "10-0-0.1"),
        ([{"k": {"get_attribute": ["web", "ip"]}}, 1], [{"k": "10.0.0.1"}, 1]),
        ({"get_attribute": ["web", "ip"], "other": 1}, {"get_attribute": ["web", "ip"], "other": 1}),
        ({"not_a_function": 1}, {"not_a_function": 1}),
    ],
)
def test_evaluate_returns_value_of_call(lookups: InMemoryLookups, call: Any, value: Any) -> None:
    assert dsl.evaluate(call, lookups) == value


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ({"get_attribute": ["nobody", "x"]}, "`get_attribute`: there is no node `nobody`"),
        (
            {"get_attribute": ["SELF", "x"]},
            "`get_attribute`: SELF is not defined here; it can be used in a node template or type",
        ),
        (
            {"get_attribute": ["many", "port"]},
            "`get_attribute`: the node `many` has 2 instances, and it is ambiguous which one is meant",
        ),
        ({"get_property": ["web", "none"]}, "`get_property`: the node `web` has no `none`"),
        ({"get_input": ["nest", "z"]}, "`get_input`: the input `nest` has no `z`"),
        ({"get_secret": "none"}, "`get_secret`: there is no secret `none`"),
        ({"get_capability": ["dep", "none"]}, "`get_capability`: there is no capability `dep.none`"),
        ({"get_label": "none"}, "`get_label`: the deployment has no label `none`"),
        ({"string_upper": {"get_property": ["web", "port"]}}, "`string_upper` takes one string"),
        ({"get_consumers": "count"}, "`get_consumers`: it is not available here"),
        ({"get_secret": ["s", "k"]}, "`get_secret`: the secret `s` is not JSON, so it has no keys"),
    ],
)
def test_evaluate_fails_with_reason(lookups: InMemoryLookups, call: Any, sentence: str) -> None:
    with pytest.raises(dsl.EvaluationFailed) as failure:
        dsl.evaluate({"value": [call]}, lookups)
    assert failure.value.message.startswith(sentence)


def test_self_source_and_target_mean_given_instances(lookups: InMemoryLookups) -> None:
    [web], [user] = lookups.instance_ids("web"), lookups.instance_ids("user")
    lookups.set(user, who="user")
    assert dsl.evaluate({"get_attribute": ["SELF", "ip"]}, lookups, self_id=web) == "10.0.0.1"
    assert dsl.evaluate({"get_property": ["SELF", "port"]}, lookups, self_id=web) == 80
    both = [
        {"get_attribute": ["SOURCE", "who"]},
        {"get_attribute": ["TARGET", "ip"]},
        {"get_property": ["TARGET", "port"]},
    ]
    assert dsl.evaluate(both, lookups, source_id=user, target_id=web) == ["user", "10.0.0.1", 80]


def test_self_in_property_means_node_of_property(lookups: InMemoryLookups) -> None:
    [user] = lookups.instance_ids("user")
    assert dsl.evaluate({"get_property": ["web", "lazy"]}, lookups, self_id=user) == "10.0.0.1"
    assert dsl.evaluate({"get_attribute": ["web", "lazy"]}, lookups, self_id=user) == "10.0.0.1"


def test_get_attributes_dict_lists_instances_by_id(lookups: InMemoryLookups) -> None:
    first, second = lookups.instance_ids("many")
    lookups.set(first, ip=1)
    assert dsl.evaluate({"get_attributes_dict": ["many", "ip", ["p", "x"]]}, lookups) == {
        first: {"ip": 1, "p.x": [10, 20]},
        second: {"ip": None, "p.x": [10, 20]},
    }


def test_get_attribute_selects_related_instance(tmp_path: Path) -> None:
    lookups = InMemoryLookups.of(
        write_blueprint(
            tmp_path,
            HEAD
            + """\
  host: {type: t, capabilities: {scalable: {properties: {default_instances: 2}}}}
  guest: {type: t, relationships: [{type: cloudify.relationships.contained_in, target: host}]}
""",
        )
    )
    for guest in lookups.instance_ids("guest"):
        host = lookups.instances[guest]["relationships"][0]["target_id"]
        lookups.set(host, mine=host)
        assert dsl.evaluate({"get_attribute": ["host", "mine"]}, lookups, self_id=guest) == host


def test_get_attribute_selects_instance_in_same_group(tmp_path: Path) -> None:
    lookups = InMemoryLookups.of(
        write_blueprint(
            tmp_path,
            HEAD
            + """\
  a: {type: t}
  b: {type: t}
groups: {g: {members: [a, b]}}
policies: {scale: {type: cloudify.policies.scaling, targets: [g], properties: {default_instances: 2}}}
""",
        )
    )
    for each in lookups.instance_ids("b"):
        lookups.set(each, group=lookups.scaling_groups(each)[0]["id"])
    for each in lookups.instance_ids("a"):
        here = lookups.scaling_groups(each)[0]["id"]
        assert dsl.evaluate({"get_attribute": ["b", "group"]}, lookups, self_id=each) == here


def test_circular_attributes_are_refused(lookups: InMemoryLookups) -> None:
    [web] = lookups.instance_ids("web")
    lookups.set(web, a={"get_attribute": ["SELF", "b"]}, b={"get_attribute": ["SELF", "a"]})
    with pytest.raises(dsl.EvaluationFailed, match="circular reference"):
        dsl.evaluate({"get_attribute": ["web", "a"]}, lookups)


def test_calls_in_secret_value_are_not_evaluated(lookups: InMemoryLookups) -> None:
    lookups.resources["secrets"]["sly"] = {"get_secret": "s"}
    assert dsl.evaluate({"get_secret": "sly"}, lookups) == {"get_secret": "s"}


def test_extended_lookups_answer_more_functions(tmp_path: Path) -> None:
    lookups = ExtendedInMemoryLookups.of(write_blueprint(tmp_path, HEAD))
    assert dsl.evaluate({"get_attribute": ["web", "node_instance_index"]}, lookups) == 101
    assert dsl.evaluate({"get_consumers": "count"}, lookups) == 1
    assert dsl.evaluate({"get_group_capability": ["g", "cap", "dep"]}, lookups) == "g.cap"
    assert dsl.evaluate({"get_group_capability": ["g", ["a", "b"]]}, lookups) == [{"dep": "g.a"}, {"dep": "g.b"}]


def test_failing_output_does_not_affect_others(tmp_path: Path) -> None:
    lookups = InMemoryLookups.of(
        write_blueprint(
            tmp_path,
            HEAD
            + """\
outputs:
  fine: {value: {get_property: [web, port]}}
  broken: {value: {get_attribute: [many, ip]}}
""",
        )
    )
    assert lookups.outputs() == {
        "fine": 80,
        "broken": "<ERROR: `get_attribute`: the node `many` has 2 instances, and it is ambiguous which one is meant>",
    }


def test_string_functions_wait_for_runtime_values(tmp_path: Path) -> None:
    lookups = InMemoryLookups.of(
        write_blueprint(
            tmp_path,
            HEAD
            + """\
outputs: {shout: {value: {string_upper: {get_attribute: [web, {concat: [i, p]}]}}}}
""",
        )
    )
    assert lookups.plan["outputs"]["shout"]["value"] == {"string_upper": {"get_attribute": ["web", "ip"]}}
    [web] = lookups.instance_ids("web")
    lookups.set(web, ip="abc")
    assert lookups.outputs() == {"shout": "ABC"}


def test_operation_notes_remaining_calls_in_inputs(tmp_path: Path) -> None:
    lookups = InMemoryLookups.of(
        write_blueprint(
            tmp_path,
            """\
tosca_definitions_version: cloudify_dsl_1_3
plugins: {p: {executor: central_deployment_agent, install: false}}
node_types: {t: {}}
node_templates:
  n:
    type: t
    interfaces:
      i:
        left: {implementation: p.m.f, inputs: {a: {get_attribute: [SELF, x]}}}
        made: {implementation: p.m.f, inputs: {a: {concat: [a, b]}}}
""",
        )
    )
    operations = lookups.node("n")["operations"]
    assert [operations[name]["has_intrinsic_functions"] for name in ("left", "made", "i.left")] == [True, False, True]
    assert operations["made"]["inputs"] == {"a": "ab"}


def test_prepare_refuses_all_failing_calls_at_once(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(
        write_blueprint(
            tmp_path,
            HEAD
            + """\
outputs:
  a: {value: {get_input: [nest, a, 7]}}
  b: {value: {string_split: ['x', ',', {get_input: name}]}}
""",
        )
    )
    with pytest.raises(dsl.InputsInvalid) as refusal:
        dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    assert refusal.value.problems == [
        "outputs.a: `get_input`: the input `nest`['a'] has no `7`",
        "outputs.b: `string_split` takes a string, a separator, and optionally the index of a part, and `web` is not "
        "an integer",
    ]
    assert refusal.value.code == "deployment_creation_error"


ODD_ARGUMENTS: tuple[Any, ...] = (
    -1, 3, True, "web", "", None, 2.5, [], {"a": 1}, {"get_input": "name"}, {"get_input": "nest"},
    {"get_property": ["web", "port"]}, {"get_attribute": ["web", "port"]},
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(names.NAMES))
def test_odd_arguments_are_refused_or_evaluated(tmp_path: Path, lookups: InMemoryLookups, name: str) -> None:
    """Test every function when a blueprint is compiled, when a deployment is created, and at run time."""
    pairs = [[first, second] for first in ODD_ARGUMENTS for second in ODD_ARGUMENTS]
    for arguments in (*ODD_ARGUMENTS, *([single] for single in ODD_ARGUMENTS), *pairs):
        call = {name: arguments}
        main = write_blueprint(tmp_path, HEAD + f"outputs: {{o: {{value: {json.dumps(call)}}}}}\n")
        with suppress(dsl.BlueprintInvalid, dsl.InputsInvalid):
            plan = dsl.compile_blueprint(main)
            dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
        with suppress(dsl.EvaluationFailed):
            dsl.evaluate(call, lookups)


RUNTIME_CALLS = (
    "{get_attribute: [n, x]}",
    "{get_attributes_list: [n, x]}",
    "{get_attributes_dict: [n, x]}",
    "{get_capability: [dep, cap]}",
    "{get_consumers: ids}",
    "{get_environment_capability: cap}",
    "{get_group_capability: [group, cap]}",
    "{get_label: key}",
    "{get_secret: key}",
    "{get_sys: [deployment, id]}",
)


def test_runtime_calls_are_those_of_runtime_functions() -> None:
    assert {call[1:].partition(":")[0] for call in RUNTIME_CALLS} == names.RUNTIME_FUNCTIONS


@pytest.mark.parametrize("inner", RUNTIME_CALLS)
@pytest.mark.parametrize("outer", ["{get_input: %s}", "{get_input: [d, %s]}", "{get_property: [n, {concat: [a, %s]}]}"])
def test_plan_function_of_runtime_call_is_refused(tmp_path: Path, outer: str, inner: str) -> None:
    """Test that the upload warns, and that no deployment is created."""
    main = write_blueprint(
        tmp_path,
        f"""\
        tosca_definitions_version: cloudify_dsl_1_5
        inputs: {{d: {{default: {{}}}}}}
        node_types: {{t: {{}}}}
        node_templates: {{n: {{type: t}}}}
        outputs: {{o: {{value: {outer % inner}}}}}
        """,
    )
    [warning] = dsl.lint(main).warnings
    function = inner[1:].partition(":")[0]
    assert f"`{function}` is known only later" in warning.message
    plan = dsl.compile_blueprint(main)
    with pytest.raises(dsl.InputsInvalid, match=f"`{function}` is known only later"):
        dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))
    dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}), runtime_only=True)


def test_null_of_input_is_not_of_declared_type(tmp_path: Path) -> None:
    main = write_blueprint(
        tmp_path,
        """\
        tosca_definitions_version: cloudify_dsl_1_5
        inputs: {i: {required: false}}
        outputs: {o: {value: {get_input: i, type: dict}}}
        """,
    )
    plan = dsl.compile_blueprint(main)
    with pytest.raises(dsl.InputsInvalid, match="`get_input`: `null` is not of the type dict"):
        dsl.prepare_deployment(plan, dsl.check_inputs(plan, {}))


def test_prepare_does_not_modify_plan(tmp_path: Path) -> None:
    plan = dsl.compile_blueprint(write_blueprint(tmp_path, HEAD + "outputs: {o: {value: [{get_input: name}]}}\n"))
    before = repr(plan)
    prepared = dsl.prepare_deployment(plan, dsl.check_inputs(plan, {"name": "x"}))
    assert prepared["outputs"] == {"o": {"value": ["x"]}}
    assert repr(plan) == before


def test_remaining_call_refers_to_its_own_node(tmp_path: Path) -> None:
    text = HEAD + "outputs: {o: {value: [{get_property: [web, lazy]}]}}\n"
    assert InMemoryLookups.of(write_blueprint(tmp_path, text)).plan["outputs"]["o"]["value"] == [
        {"get_attribute": ["web", "ip"]}
    ]
