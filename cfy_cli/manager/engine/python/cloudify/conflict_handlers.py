"""Handlers of conflicts for `ctx.instance.update(on_conflict)`."""

from .messages import JsonObject


def simple_merge_handler(previous_props: JsonObject, next_props: JsonObject) -> JsonObject:
    """Return the latest properties, with those of this operation that are new. Raises ValueError for other changes."""
    for name, value in previous_props.items():
        if name in next_props and next_props[name] != value:
            raise ValueError(f"The runtime property {name} was changed by another operation too.")
    return {**previous_props, **next_props}
