"""The five endpoints of a plain resource, from its description, its model and two schemas."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel

from cfy_cli.contract.resource import Resource
from cfy_cli.manager.rest.api import Call, Routes, listed
from cfy_cli.manager.rest.paging import listing
from cfy_cli.manager.rest.wire import item, items
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.visibility import check_visibility, widen
from cfy_cli.manager.store.listing import Listing
from cfy_cli.manager.store.models import Base


def crud(resource: Resource, model: type[Base], new: type[BaseModel], change: type[BaseModel]) -> Routes:
    """GET list, GET, PUT creates, POST updates, DELETE; permissions are named NOUN_VERB."""
    routes = Routes(resource.name)
    path = f"/{resource.name}"

    @routes.get(path, f"{resource.noun}_list")
    def list_(call: Call, asked: Annotated[Listing, Depends(listing(sort=resource.order))]) -> dict[str, Any]:
        page = call.store.list(model, asked, search=resource.search)
        return listed(page, items(page.items, asked.include))

    @routes.get(path + "/{key}", f"{resource.noun}_get")
    def get(call: Call, key: str) -> dict[str, Any]:
        return item(call.store.get(model, key), call.include)

    @routes.put(path + "/{key}", f"{resource.noun}_create")
    def create(call: Call, key: str, body: new) -> dict[str, Any]:  # type: ignore[valid-type]
        fields = body.model_dump(exclude_none=True)  # type: ignore[attr-defined]
        check_visibility(call.scope, fields.get("visibility"))
        return item(call.store.add(model(**{resource.key: check_name(resource.noun, key), **fields})))

    @routes.post(path + "/{key}", f"{resource.noun}_update")
    def update(call: Call, key: str, body: change) -> dict[str, Any]:  # type: ignore[valid-type]
        row = call.store.get_own(model, key)
        fields = body.model_dump(exclude_none=True)  # type: ignore[attr-defined]
        if "visibility" in fields:
            widen(call.store, row, fields.pop("visibility"))
        if resource.key in fields:
            call.store.rename(row, check_name(resource.noun, fields.pop(resource.key)))
        for name, value in fields.items():
            setattr(row, name, value)
        return item(row)

    @routes.delete(path + "/{key}", f"{resource.noun}_delete")
    def delete(call: Call, key: str) -> None:
        call.store.delete(call.store.get_own(model, key))

    return routes
