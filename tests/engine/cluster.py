"""A deployment of `app`, contained in `host` and connected to `db`, with all operations; `app` is a scaling group."""

from pathlib import Path

from tests.engine.deployment import Deployment

OPERATIONS = (
    "create",
    "configure",
    "start",
    "stop",
    "delete",
    "preheal",
    "heal",
    "postheal",
    "pull",
    "preupdate",
    "update",
    "postupdate",
)
LINK_OPERATIONS = ("preconfigure", "establish", "unlink", "update")

# Fails as the runtime property `fails` says; a heal removes `sick`, an update removes `drifted`.
RUN = """#!/bin/bash
name=$(ctx operation name)
case "$name" in
  *.check_status) [ -z "$(ctx instance runtime-properties sick)" ] || exit 1; ctx returns fine ;;
  *.lifecycle.check_drift) ctx returns "$(ctx instance runtime-properties drifted)" ;;
  *.relationship_lifecycle.check_drift) ctx returns "$(ctx source instance runtime-properties link)" ;;
  *.relationship_lifecycle.*) ;;
  *) [ "$(ctx instance runtime-properties fails)" != "${name##*.}" ] || ctx abort-operation "cannot ${name##*.}" ;;
esac
"""


def blueprint(*, heals: bool = True) -> str:
    named = [name for name in OPERATIONS if heals or not name.endswith("heal")]
    own = "\n".join(f"        {name}: {{implementation: run.sh, max_retries: 0}}" for name in (*named, "check_drift"))
    links = "\n".join(f"        {name}: run.sh" for name in (*LINK_OPERATIONS, "check_drift"))
    interfaces = f"""
    interfaces:
      cloudify.interfaces.lifecycle:
{own}
      cloudify.interfaces.validation: {{check_status: run.sh}}
      w.ops: {{echo: run.sh}}"""
    ends = "\n".join(
        f"    {side}_interfaces:\n      cloudify.interfaces.relationship_lifecycle:\n{links}"
        for side in ("source", "target")
    )
    return f"""
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml]
node_types:
  w.Node:
    derived_from: cloudify.nodes.Root{interfaces}
  w.Host:
    derived_from: cloudify.nodes.Compute{interfaces}
relationships:
  w.in:
    derived_from: cloudify.relationships.contained_in
{ends}
  w.to:
    derived_from: cloudify.relationships.connected_to
{ends}
node_templates:
  host:
    type: w.Host
    properties: {{agent_config: {{install_method: none}}}}
  app:
    type: w.Node
    relationships: [{{type: w.in, target: host}}, {{type: w.to, target: db}}]
  db:
    type: w.Node
    capabilities: {{scalable: {{properties: {{max_instances: 3}}}}}}
groups:
  grp: {{members: [app]}}
policies:
  sc: {{type: cloudify.policies.scaling, targets: [grp], properties: {{max_instances: 4}}}}
"""


def create(folder: Path, *, heals: bool = True) -> Deployment:
    (folder / "run.sh").write_text(RUN)  # the compiler checks that it exists
    return Deployment.from_blueprint(folder, blueprint(heals=heals)).script("run.sh", RUN)
