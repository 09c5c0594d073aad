"""Changes of runtime properties of node instances."""

import os
from collections.abc import Callable, Mapping, Sequence

from cfy_cli.client.collection import Item
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.key_values import merged, nested
from cfy_cli.errors import NotFound
from cfy_cli.shell.app import App
from cfy_cli.shell.inputs import read_inputs


def update_properties(app: App, node_instance_id: str, sources: Sequence[str]) -> Item:
    """Set runtime properties, level by level; return the node instance."""
    changes = read_inputs(sources, dict, dotted=True)
    return _change(app, node_instance_id, lambda properties: merged(properties, changes))


def delete_properties(app: App, node_instance_id: str, sources: Sequence[str]) -> Item:
    """Delete runtime properties; return the node instance. Raises NotFound for one that it does not have."""
    keys: JsonObject = {}
    for source in sources:
        keys = merged(keys, nested(source, None) if _is_key(source) else read_inputs([source], dict, dotted=True))
    return _change(app, node_instance_id, lambda properties: _without(properties, keys))


def _change(app: App, node_instance_id: str, change: Callable[[JsonObject], JsonObject]) -> Item:
    """Store the changed properties; the version makes the manager refuse this when others changed them meanwhile."""
    instances = app.client.node_instances
    instance = instances.get(node_instance_id)
    properties = change(instance.get("runtime_properties") or {})
    instances.patch(node_instance_id, runtime_properties=properties, version=instance["version"])
    return instances.get(node_instance_id)


def _is_key(source: str) -> bool:
    return not any(sign in source for sign in "={:@") and source != "-" and not os.path.exists(source)


def _without(properties: JsonObject, keys: Mapping[str, Json], outer: str = "") -> JsonObject:
    """Return the properties without the keys, at any level."""
    remaining = dict(properties)
    for key, inner in keys.items():
        if key not in remaining:
            known = ", ".join(f"{outer}{name}" for name in sorted(properties)) or "none"
            raise NotFound(f"There is no runtime property `{outer}{key}`", hint=f"Runtime properties: {known}")
        value = remaining[key]
        if isinstance(inner, dict) and inner:
            if not isinstance(value, dict):
                raise NotFound(f"The runtime property `{outer}{key}` has no parts: it is not a mapping")
            remaining[key] = _without(value, inner, f"{outer}{key}.")
        else:
            del remaining[key]
    return remaining
