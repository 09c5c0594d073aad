"""Endpoints of summaries: how many items there are with each value of a field."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Invalid
from cfy_cli.manager.rest.api import Call
from cfy_cli.manager.rest.nouns import M, Noun
from cfy_cli.manager.rest.query import ALL_TENANTS, PAGE, RANGE, Parameter
from cfy_cli.manager.rest.schemas import summary_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.store.query import all_of


def add_summary(noun: Noun[M], *fields: str, without: Sequence[Parameter] = (), sub_fields: Sequence[str] = ()) -> None:
    """Add the summary of a resource, by one of these fields or by two, of which the second may be one of `sub_fields`.

    It takes the filters and the parameters of the list; `without` names those that do not choose items.
    """
    name = noun.model.__tablename__
    target = Parameter("_target_field", "The field to count by.", values=fields, required=True)
    sub = Parameter(
        "_sub_field", "A second field, to count by within each value of the first.", values=(*fields, *sub_fields)
    )
    parameters = (target, sub, *PAGE, ALL_TENANTS, RANGE, *(each for each in noun.parameters if each not in without))
    answer = summary_answer(noun.answer, name, fields, sub_fields)

    @noun.routes.get(
        f"/summary/{name}", noun.permission("list"), parameters, answer, has_filters=True, filtered=noun.answer
    )
    def summarize(call: Call) -> JsonObject:
        """Count the items for each value of a field, and within it for each value of `_sub_field`.

        With `_sub_field`, a page and its total count pairs of values; the count of a value is that of its pairs there.
        """
        target_field = _read_field(call, target)
        sub_field = _read_field(call, sub) if call.query.get(sub.name) else None
        listing = call.listing(noun.resource.order, noun.searched)
        conditions = (*noun.conditions(call), *noun.rule_conditions(call, None))
        by = [target_field] if sub_field in (None, target_field) else [target_field, str(sub_field)]
        page = call.store.summarize(noun.model, listing, by, where=all_of(*conditions))
        rows = [(value, value, count) for value, count in page.items] if sub_field == target_field else page.items
        answer = page_of(page, _nest(rows, name, target_field, sub_field))
        return {"items": answer["items"], "metadata": {"pagination": answer["metadata"]["pagination"]}}  # type: ignore[index, call-overload]


def _read_field(call: Call, parameter: Parameter) -> str:
    field = call.query.get(parameter.name)
    if field not in parameter.values:
        given = f"Invalid summary field: {field}" if field else "Give the field to count by"
        raise Invalid(f"{parameter.name}: {given}. Allowed values: {', '.join(parameter.values)}")
    return field


def _nest(rows: Sequence[Sequence[Json]], name: str, field: str, sub_field: str | None) -> list[Json]:
    if sub_field is None:
        return [{field: value, name: count} for value, count in rows]
    items: list[Json] = []
    for value, of_value in groupby(rows, key=itemgetter(0)):
        parts = [(sub_value, count) for _, sub_value, count in of_value]
        by: list[Json] = [{sub_field: sub_value, name: count} for sub_value, count in parts]
        items.append({field: value, name: sum(count for _, count in parts), f"by {sub_field}": by})  # type: ignore[misc]
    return items
