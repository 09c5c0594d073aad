"""The endpoints that resources share, from one description of each resource."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.limits import active_limits
from cfy_cli.contract.resource import Resource
from cfy_cli.errors import Forbidden, Invalid
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.bodies import Body, RulesBody, VisibilityBody
from cfy_cli.manager.rest.query import FILTER_ID, SEARCH, Parameter
from cfy_cli.manager.rest.schemas import list_answer, row_answer
from cfy_cli.manager.rest.serialize import page_of, serialize
from cfy_cli.manager.services import searches
from cfy_cli.manager.services.names import check_name
from cfy_cli.manager.services.visibility import check_visibility, widen
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.query import Condition, all_of
from cfy_cli.manager.store.rules import SearchFields
from cfy_cli.manager.store.store import Store

M = TypeVar("M", bound=Base)


class Noun(Generic[M]):
    """A resource with its model, and the endpoints that it has in common with others.

    `parameters` are those of its list beside the ones that all lists share. `searched` names the columns that some of
    them look in, and `conditions` turns others into conditions, for list and search alike.
    `computed` gives values of wire fields that are no attributes of the row, and `computed_types` their types.
    Permissions are named NOUN_VERB, or begin with `permission_prefix`.
    """

    def __init__(
        self,
        resource: Resource,
        model: type[M],
        *,
        parameters: Sequence[Parameter] = (),
        searched: Mapping[str, Sequence[str]] | None = None,
        conditions: Callable[[Call], Sequence[Condition]] = lambda _call: (),
        computed: Callable[[Call, M], dict[str, Callable[[], object]]] = lambda _call, _row: {},
        computed_types: Mapping[str, object] | None = None,
        permission_prefix: str = "",
        routes: Routes | None = None,
    ) -> None:
        self.resource, self.model = resource, model
        self._permission_prefix = permission_prefix or resource.permission_prefix
        self.routes = routes or Routes(resource.path)
        self.path = f"/{resource.path}"
        self.item_path = f"{self.path}/{{key}}"
        self.answer = row_answer(model, computed_types)
        self.list_answer = list_answer(self.answer, f"{model.__name__}List")
        fields = searches.FIELDS.get(model)
        filters = (FILTER_ID,) if fields and fields.has_filters else ()
        self.parameters = (*((SEARCH,) if resource.search else ()), *filters, *parameters)
        self.searched = {**({SEARCH.name: resource.search} if resource.search else {}), **(searched or {})}
        self.conditions, self._computed = conditions, computed

    def permission(self, verb: str) -> str:
        return f"{self._permission_prefix}_{verb}"

    def show(self, call: Call, row: M) -> JsonObject:
        """Return a row as this resource is answered, with the fields that the request includes."""
        return serialize(row, call.include, **self._computed(call, row))

    def find_page(self, call: Call, body: RulesBody | None = None) -> JsonObject:
        """Return the page that a list or a search asks for; `filtered` counts the items that the rules exclude."""
        listing = call.listing(self.resource.order, self.searched)
        conditions, rules = self.conditions(call), self.rule_conditions(call, body)
        page = call.store.list(self.model, listing, where=all_of(*conditions, *rules))
        answer = page_of(page, [self.show(call, row) for row in page.items])
        if rules:
            total = call.store.count(self.model, listing, where=all_of(*conditions))
            answer["metadata"] |= {"filtered": total - page.total}  # type: ignore[operator]
        return answer

    def rule_conditions(self, call: Call, body: RulesBody | None) -> Sequence[Condition]:
        """Return the conditions of stored filters, rules and constraints. Raises Invalid, and NotFound for filters."""
        search = read_search(call, self.model, body or RulesBody())
        return search.conditions() if search else []

    def add_list(self) -> None:
        @self.routes.listing(self.path, self.permission("list"), self.parameters, self.list_answer)
        def list_items(call: Call) -> JsonObject:
            return self.find_page(call)

    def add_search(self) -> None:
        """Add the list whose filter rules are a body, because they may be too long for a query string."""
        path = f"/searches{self.path}"

        @self.routes.search(path, self.permission("list"), self.parameters, self.list_answer)
        def search(call: Call, body: RulesBody | None = None) -> JsonObject:
            return self.find_page(call, body)

    def add_get(self) -> None:
        @self.routes.get(self.item_path, self.permission("get"), (), self.answer)
        def get(call: Call, key: str) -> JsonObject:
            return self.show(call, call.store.get(self.model, key))

    def add_create(self, new: type[Body]) -> None:
        """Add PUT, which stores the fields of the body under the key in the path."""
        empty = _empty_body(new)

        @self.routes.put(self.item_path, self.permission("create"), (), self.answer, new=self.resource)
        def create(call: Call, key: str, body: new = empty) -> JsonObject:  # type: ignore[valid-type]
            fields = _fields(body)
            check_visibility(call.scope, fields.get("visibility"))
            row = self.model(**{self.resource.key: check_name(self.resource, key), **fields})
            return self.show(call, call.store.add(row))

    def add_update(self, change: type[Body]) -> None:
        """Add POST, which changes the fields that the body gives: a new key renames the item, null removes a value."""
        empty = _empty_body(change)

        @self.routes.post(self.item_path, self.permission("update"), (), self.answer)
        def update(call: Call, key: str, body: change = empty) -> JsonObject:  # type: ignore[valid-type]
            row, fields = call.store.get_own(self.model, key), _given(body)
            if (visibility := fields.pop("visibility", None)) is not None:
                widen(call.store, row, visibility)
            if (name := fields.pop(self.resource.key, None)) is not None:
                call.store.rename(row, check_name(self.resource, name))
            for field, value in fields.items():
                setattr(row, field, value)
            return self.show(call, row)

    def add_delete(self) -> None:
        @self.routes.delete(self.item_path, self.permission("delete"))
        def delete(call: Call, key: str) -> None:
            call.store.delete(call.store.get_own(self.model, key))

    def add_set_visibility(self, permission: str, change: Callable[[Store, M, str], None] = widen) -> None:
        """Add the endpoint that widens the visibility, by `change`."""

        @self.routes.patch(f"{self.item_path}/set-visibility", permission, (), self.answer)
        def set_visibility(call: Call, key: str, body: VisibilityBody) -> JsonObject:
            row = call.store.get_own(self.model, key)
            change(call.store, row, body.visibility)
            return self.show(call, row)

    def add_all(self, new: type[Body], change: type[Body]) -> "Noun[M]":
        """Add list, get, create, update and delete: all that a plain resource has."""
        self.add_list()
        self.add_get()
        self.add_create(new)
        self.add_update(change)
        self.add_delete()
        return self


def _empty_body(kind: type[Body]) -> object:
    """Return the body of a request that has none; `...` when it must have one."""
    return ... if any(field.is_required() for field in kind.model_fields.values()) else kind()


def _given(body: Body) -> dict[str, Any]:
    """Return the fields that a body gives, null too."""
    return body.model_dump(exclude_unset=True)


def _fields(body: Body) -> dict[str, Any]:
    return body.model_dump(exclude_none=True)


def read_search(
    call: Call, model: type[Base], body: RulesBody, fields: SearchFields | None = None
) -> searches.Search | None:
    """Read what a list or a search is restricted to; None without restrictions. Raises Invalid and NotFound."""
    filter_ids = [each for each in (call.query.get(FILTER_ID.name), body.filter_id) if each]
    if body.constraints is not None and (filter_ids or body.filter_rules is not None or body.filter_id is not None):
        raise Invalid("Give either `constraints` or `filter_rules` and `filter_id`, not both")
    if not (filter_ids or body.filter_rules or body.constraints):
        return None
    return searches.read_search(
        call.store,
        model,
        rules=body.filter_rules or (),
        filter_ids=filter_ids,
        constraints=body.constraints,
        limits=active_limits(),
        fields=fields,
    )


def check_change(call: Call, noun: str, body: Body) -> None:
    """Raise Invalid for a body that changes nothing, and Forbidden when the user may not give resources to others."""
    given = _fields(body)
    if not given:
        fields = ", ".join(f"`{name}`" for name in type(body).__annotations__)
        raise Invalid(f"Nothing to change: give at least one of {fields}")
    if "creator" in given and not call.scope.has_permission("set_owner"):
        raise Forbidden(f"The permission `set_owner` is required to give a {noun} to another user")
