"""Hypothesis strategies for valid blueprints: derived types, related nodes and calls that can be evaluated."""

import json
from typing import Any

from hypothesis import strategies as st

from cfy_cli.contract.json import Json

ROOT = "cloudify.nodes.Root"
RELATIONSHIPS = ("connected_to", "depends_on", "contained_in")
WORDS = st.text("abcdefgh", min_size=1, max_size=4)
SCALARS = st.one_of(WORDS, st.integers(-9, 99), st.booleans(), st.just(1.5))
VALUES = {
    "string": WORDS,
    "integer": st.integers(-9, 99),
    "float": st.floats(-9, 9, allow_nan=False).map(lambda number: round(number, 2)),
    "boolean": st.booleans(),
    "list": st.lists(SCALARS, max_size=3),
    "dict": st.dictionaries(WORDS.map("k{}".format), SCALARS, max_size=3),
    "point": st.fixed_dictionaries({"x": st.integers(0, 9)}, optional={"label": WORDS}),
    None: st.one_of(SCALARS, st.lists(SCALARS, max_size=2)),
}
DATA_TYPES = {"point": {"properties": {"x": {"type": "integer"}, "label": {"type": "string", "default": "here"}}}}
PLUGINS = {"p": {"executor": "central_deployment_agent", "install": False}}


@st.composite
def schemas(draw: st.DrawFn, prefix: str) -> dict[str, Any]:
    """Draw properties, each with a default."""
    schema = {}
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(list(VALUES)))
        about: dict[str, Any] = {"type": kind} if kind else {}
        about["default"] = draw(VALUES[kind])
        schema[f"{prefix}{number}"] = about
    return schema


@st.composite
def interfaces(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(("life", "other")), max_size=2)):
        made[name] = {}
        for operation in draw(st.sets(st.sampled_from(("create", "start", "check")), max_size=2)):
            inputs = draw(
                st.dictionaries(WORDS.map("in_{}".format), st.fixed_dictionaries({"default": SCALARS}), max_size=2)
            )
            made[name][operation] = draw(
                st.sampled_from(
                    [
                        {},
                        f"p.mod.{operation}",
                        {"implementation": f"p.mod.{operation}", "inputs": inputs},
                        {
                            "implementation": f"p.mod.{operation}",
                            "inputs": inputs,
                            "max_retries": 2,
                            "retry_interval": 3,
                        },
                    ]
                )
            )
    return made


@st.composite
def node_types(draw: st.DrawFn) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 4))):
        name = f"t{number}"
        types[name] = {
            "derived_from": draw(st.sampled_from([ROOT, *types])),
            "properties": draw(schemas(f"{name}_")),
            "interfaces": draw(interfaces()),
        }
    return types


def inherited_properties(types: dict[str, Any], name: str) -> dict[str, Any]:
    if name == ROOT:
        return {}
    return {**inherited_properties(types, types[name]["derived_from"]), **types[name]["properties"]}


@st.composite
def calls(draw: st.DrawFn, inputs: dict[str, Any], earlier: list[tuple[str, str]]) -> Json:
    """Draw a value: a call that is evaluated now or at run time, or plain data."""
    known: list[Json] = [draw(SCALARS), *({"get_input": name} for name in inputs)]
    options = [*known, {"get_secret": "s"}, {"get_attribute": ["n0", "ip"]}]
    options += [{"get_property": [node, name]} for node, name in earlier]
    one, other = draw(st.sampled_from(options)), draw(st.sampled_from(options))
    # The public parser makes text of deferred calls in lists; see test_parser_differences.
    inner = draw(st.sampled_from(known))
    return draw(
        st.sampled_from(
            [one, {"concat": ["a", one, other]}, [inner, {"k": inner}], {"concat": ["a", {"concat": ["b", one]}]}]
        )
    )


@st.composite
def templates(draw: st.DrawFn, types: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    nodes: dict[str, Any] = {}
    earlier: list[tuple[str, str]] = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(list(types)))
        properties = inherited_properties(types, kind)
        given = {
            name: draw(calls(inputs, earlier)) if "type" not in about else draw(VALUES[about["type"]])
            for name, about in properties.items()
            if draw(st.booleans())
        }
        nodes[f"n{number}"] = {
            "type": kind,
            "properties": given,
            "relationships": draw(relationships(list(nodes))),
            "instances": {"deploy": draw(st.integers(0, 3))},
        }
        earlier += [(f"n{number}", name) for name in properties]
    return nodes


@st.composite
def relationships(draw: st.DrawFn, targets: list[str]) -> list[dict[str, Any]]:
    """Draw relationships: at most one to each target, and at most one to a container."""
    made: list[dict[str, Any]] = []
    for target in draw(st.lists(st.sampled_from(targets), unique=True, max_size=2)) if targets else ():
        kinds = RELATIONSHIPS if all("contained_in" not in each["type"] for each in made) else RELATIONSHIPS[:2]
        made.append({"type": f"cloudify.relationships.{draw(st.sampled_from(kinds))}", "target": target})
    return made


@st.composite
def scaling_groups(draw: st.DrawFn, nodes: dict[str, Any]) -> dict[str, Any]:
    """Draw a scaling group of nodes without containers, or nothing."""
    free = [
        name
        for name, node in nodes.items()
        if all("contained_in" not in each["type"] for each in node["relationships"])
    ]
    members = draw(st.lists(st.sampled_from(free), unique=True, max_size=2)) if free else []
    if not members:
        return {}
    size = {"default_instances": draw(st.integers(0, 3))}
    policy = {"type": "cloudify.policies.scaling", "targets": ["g"], "properties": size}
    return {"groups": {"g": {"members": members}}, "policies": {"s": policy}}


@st.composite
def blueprints(draw: st.DrawFn) -> dict[str, Any]:
    inputs = draw(st.dictionaries(WORDS.map("i_{}".format), st.fixed_dictionaries({"default": SCALARS}), max_size=3))
    types = draw(node_types())
    nodes = draw(templates(types, inputs))
    earlier = [(name, each) for name, node in nodes.items() for each in inherited_properties(types, node["type"])]
    outputs = draw(st.dictionaries(WORDS.map("o_{}".format), calls(inputs, earlier), max_size=3))
    return {
        "tosca_definitions_version": draw(
            st.sampled_from(["cloudify_dsl_1_3", "cloudify_dsl_1_4", "cloudify_dsl_1_5"])
        ),
        "imports": ["cloudify/types/types.yaml"],
        "plugins": PLUGINS,
        "data_types": DATA_TYPES,
        "inputs": inputs,
        "node_types": types,
        "node_templates": nodes,
        **draw(scaling_groups(nodes)),
        "outputs": {name: {"value": value} for name, value in outputs.items()},
    }


def to_json(blueprint: dict[str, Any]) -> str:
    return json.dumps(blueprint, indent=1)
