"""Hypothesis strategies for two blueprints, between which a deployment can be updated."""

import json
from typing import Any

from hypothesis import strategies as st

NAMES = ("vm", "app", "db", "log", "lb")
HEAD = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {color: {type: string, default: red}}
node_types:
  t.Node: {derived_from: cloudify.nodes.Root, properties: {color: {default: white}, size: {default: 1}}}
"""


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    """Draw two blueprints in which nodes that both have are contained in the same node and scaling group."""
    containers = {"app": draw(st.sampled_from(["vm", None])), "log": draw(st.sampled_from(["app", None]))}
    group = draw(st.sampled_from([[], ["vm"], ["db"]]))
    default = draw(st.integers(1, 2))
    return draw(_blueprint(containers, group, default)), draw(_blueprint(containers, group, draw(st.integers(1, 3))))


@st.composite
def _blueprint(draw: st.DrawFn, containers: dict[str, str | None], group: list[str], default: int) -> str:
    names = [name for name in NAMES if name in ("vm", *group) or draw(st.booleans())]
    nodes: dict[str, Any] = {}
    for name in names:
        container = containers.get(name)
        inside = [{"type": "cloudify.relationships.contained_in", "target": container}] if container in names else []
        if container is not None and not inside:
            continue  # so that it is never in another container
        targets = [other for other in nodes if other != container and draw(st.booleans())]
        kinds = st.sampled_from(["connected_to", "depends_on"])
        modes = st.sampled_from(["all_to_all"] if group else ["all_to_all", "all_to_one"])
        links = [
            {
                "type": f"cloudify.relationships.{draw(kinds)}",
                "target": target,
                "properties": {"connection_type": draw(modes)},
            }
            for target in targets
        ]
        colors = st.sampled_from(["white", "black", {"get_input": "color"}])
        nodes[name] = {"type": "t.Node", "relationships": [*inside, *links], "properties": {"color": draw(colors)}}
        if name not in group and draw(st.booleans()):
            count = draw(st.integers(0, 3))
            nodes[name]["capabilities"] = {"scalable": {"properties": {"default_instances": count}}}
    text = HEAD + f"node_templates: {json.dumps(nodes)}\n"
    if group:
        policy = {"type": "cloudify.policies.scaling", "targets": ["g"], "properties": {"default_instances": default}}
        text += f"groups: {json.dumps({'g': {'members': group}})}\npolicies: {json.dumps({'p': policy})}\n"
    return text + f"outputs: {json.dumps({name: {'value': len(name)} for name in nodes})}\n"
