"""The base class of objects of the API, which the modules of workflows use too."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cfy_cli.manager.engine.python.cloudify.rest_items import Item, fields
else:
    from cloudify.rest_items import Item, fields

Answer: TypeAlias = Any  # decoded JSON of an answer, or a part of it

__all__ = ["Answer", "Item", "fields"]
