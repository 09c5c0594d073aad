"""The order of operations in updates of one deployment, as a public manager runs them.

A step is a set of operations whose order is free. Where a public manager crashes or checks relationships that are being
removed, the order is that of its documentation.
"""

LIFECYCLE = (
    "create", "start", "stop", "delete", "preupdate", "update", "postupdate", "update_config", "update_apply",
    "update_postapply", "preheal", "heal", "postheal",
)  # fmt: skip
LINKS = ("establish", "unlink", "update", "check_drift")
OPERATION = """#!/bin/bash
ctx logger info "RAN $name${side:+ $side}"
case "$name${side:-}" in
  check_drift) ctx returns "$(ctx instance runtime-properties drifted)" ;;
  check_status) [ -z "$(ctx instance runtime-properties sick)" ] ;;
  heal) ctx instance runtime-properties sick "" ;;
  update) [ -z "$(ctx instance runtime-properties fails)" ] || ctx abort-operation "cannot update" ;;
esac
"""


def _interface(names: tuple[str, ...], side: str = "") -> str:
    more = f", side: {{default: {side}}}" if side else ""
    return "\n".join(
        f"        {name}: {{implementation: op.sh, max_retries: 0, inputs: {{name: {{default: {name}}}{more}}}}}"
        for name in names
    )


TYPES = f"""
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {{motd: {{type: string, default: hi}}}}
node_types:
  w.Node:
    derived_from: cloudify.nodes.Root
    properties: {{color: {{default: red}}, motd: {{default: ''}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
{_interface((*LIFECYCLE, "check_drift"))}
      cloudify.interfaces.validation:
{_interface(("check_status",))}
  w.Plain:
    derived_from: cloudify.nodes.Root
    properties: {{color: {{default: red}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
{_interface(("create", "delete"))}
relationships:
""" + "".join(
    f"""  {name}:
    derived_from: cloudify.relationships.{parent}
    source_interfaces:
      cloudify.interfaces.relationship_lifecycle:
{_interface(LINKS, "source")}
    target_interfaces:
      cloudify.interfaces.relationship_lifecycle:
{_interface(LINKS, "target")}
"""
    for name, parent in (("w.in", "contained_in"), ("w.to", "connected_to"))
)


def blueprint(
    *, db: str = "red", target: str = "db", more: str = "", plain: str = "red", group: bool = True, link: str = ""
) -> str:
    """Return a blueprint of `app`, contained in `host` and connected to a target, and of more nodes."""
    groups = """
groups: {grp: {members: [app]}}
policies: {p: {type: cloudify.policies.scaling, targets: [grp], properties: {default_instances: 1}}}
"""
    return f"""{TYPES}
node_templates:
  host: {{type: w.Node}}
  app:
    type: w.Node
    properties: {{motd: {{get_input: motd}}}}
    relationships:
      - {{type: w.in, target: host}}
      - {{type: w.to, target: {target}{link}}}
{"      - {type: w.to, target: q}" if " q:" in more else ""}
  {target}: {{type: w.Node, properties: {{color: {db}}}}}
  plain: {{type: w.Plain, properties: {{color: {plain}}}}}
{more}
{groups if group else ""}
outputs: {{motd: {{value: {{get_input: motd}}}}}}
"""


def both(name: str, target: str) -> set[str]:
    return {f"app->{target} {name} source", f"app->{target} {name} target"}


def checks(*targets: str, nodes: tuple[str, ...] = ("host", "db")) -> list[set[str]]:
    """Return the steps of a drift check: targets before their sources, nodes before their relationships."""
    found = set[str]().union(*(both("check_drift", target) for target in targets))
    return [{f"{node} check_drift" for node in nodes}, {"app check_drift"}, found]


def sequence(node: str, *names: str) -> list[set[str]]:
    return [{f"{node} {name}"} for name in names]
