"""Query parameters: which an endpoint takes, and how their values are read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import QueryParams

from cfy_cli.contract.json import JsonObject
from cfy_cli.contract.json_values import check_text
from cfy_cli.contract.limits import Limits
from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.store.listing import Listing, Range
from cfy_cli.manager.store.query import MAX_INTEGER


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter as an endpoint declares it; it is published in the OpenAPI document."""

    name: str
    description: str
    type: Literal["string", "boolean", "integer"] = "string"
    repeated: bool = False  # may be given several times
    separated: bool = False  # by commas, several values
    values: tuple[str, ...] = ()  # that are allowed; any when empty
    pattern: str = ""  # of each value
    required: bool = False

    @property
    def document(self) -> JsonObject:
        """Return the parameter as the OpenAPI document describes it."""
        value: JsonObject = {"type": self.type}
        if self.type == "integer":
            value |= {"minimum": 0, "maximum": MAX_INTEGER}
        if self.values:
            value["enum"] = list(self.values)
        if self.pattern:
            value["pattern"] = self.pattern
        document: JsonObject = {"name": self.name, "in": "query", "description": self.description, "schema": value}
        if self.repeated:
            document["schema"] = {"type": "array", "items": value}
            document["explode"] = not self.separated
        return document | ({"required": True} if self.required else {})


INCLUDE = Parameter("_include", "Comma-separated names of the fields to answer.", repeated=True, separated=True)
FORCE = Parameter("force", "Skip the checks that may be skipped.", "boolean")
GET_DATA = Parameter("_get_data", "Answer names and roles where counts are answered without it.", "boolean")
SEARCH = Parameter("_search", "Text that the name of an item must contain.", repeated=True)
SORT = Parameter(
    "_sort",
    "Comma-separated fields to sort by, or `label:KEY`; `-` in front sorts in descending order, `+` in ascending.",
    repeated=True,
    separated=True,
)
RANGE = Parameter(
    "_range",
    "FIELD,FROM,TO: the values between which a field must be, such as two times; either end may be empty.",
    repeated=True,
    pattern="^[^,]+,[^,]*,[^,]*$",
)
ALL_TENANTS = Parameter("_all_tenants", "List the items of all tenants of the user.", "boolean")
FILTER_ID = Parameter("_filter_id", "Only items that match the rules of this stored filter.")
PAGE = (
    Parameter("_offset", "Number of items to skip.", "integer"),
    Parameter("_size", "Maximum number of items, up to rest.default_page_size of the configuration.", "integer"),
    Parameter("_get_all_results", "Answer all items in one page when `_size` is not given.", "boolean"),
)
TRUE = ("true", "1", "yes", "on")
_LISTED = (INCLUDE.name, SORT.name)  # parameters with commas between values
LISTING = (SORT, *PAGE, ALL_TENANTS, RANGE, GET_DATA)


def check_parameters(
    query: QueryParams, declared: Mapping[str, Parameter], fields: Sequence[str], limits: Limits, *, has_filters: bool
) -> None:
    """Raise Invalid for parameters that the endpoint does not declare, and for values that it does not take.

    Those are values that are not of the declared type, or more or longer than the limits allow. Values of filters are
    checked with the model later.
    """
    for name, value in query.multi_items():
        check_text(name, "The name of a query parameter")
        check_text(value, f"`{name}`")
    known = {*declared, *fields} if has_filters else declared
    unknown = [name for name in query if name not in known and (name.startswith("_") or not has_filters)]
    if unknown:
        allowed = ", ".join(sorted(declared)) or "none"
        raise Invalid(f"Unknown parameters: {', '.join(unknown)}. Allowed are: {allowed}")
    for name, parameter in declared.items():
        if not parameter.repeated and len(set(query.getlist(name))) > 1:
            raise Invalid(f"`{name}` may be given only once")
        if parameter.type == "boolean":
            parse_flag(query, name)
        if parameter.type == "integer":
            parse_integer(query, name, 0)
    for name in query:
        values = [part for value in query.getlist(name) for part in (value.split(",") if name in _LISTED else [value])]
        limits.check("query_values" if name in declared else "rule_values", len(values), f"The values of `{name}`")
        if has_filters:
            limits.check("search_text", max(map(len, values)), f"The characters of a value of `{name}`")


def parse_listing(
    query: QueryParams,
    sort: str,
    declared: Collection[str],
    searched: Mapping[str, Sequence[str]],
    limits: Limits,
    page_size: int,
) -> Listing:
    """Read the parameters that all lists share; those that are not declared are filters."""
    is_whole = parse_flag(query, "_get_all_results") and not query.get("_size")
    return Listing(
        include=parse_include(query),
        sort=tuple(key for value in query.getlist("_sort") for key in value.split(",") if key) or (sort,),
        offset=parse_integer(query, "_offset", 0),
        size=max(limits.all_results, page_size)
        if is_whole
        else min(parse_integer(query, "_size", page_size), page_size),
        is_whole=is_whole,
        searches=tuple(
            (field, word)
            for name, fields in searched.items()
            for word in query.getlist(name)
            for field in fields
            if word
        ),
        filters={name: query.getlist(name) for name in query if name not in declared},
        ranges=tuple(_parse_range(value) for value in query.getlist("_range")),
        all_tenants=parse_flag(query, "_all_tenants"),
    )


def parse_include(query: QueryParams) -> tuple[str, ...] | None:
    """Return the fields that `_include` names; None, which stands for all of them, when it names none."""
    return tuple(name for value in query.getlist("_include") for name in value.split(",") if name) or None


def check_include(names: Sequence[str] | None, fields: Sequence[str]) -> None:
    """Raise Invalid when `_include` names fields that the answer does not have."""
    unknown = [name for name in names or () if name not in fields]
    if unknown:
        raise Invalid(
            f"Include keys '{unknown}' do not exist. Allowed keys are: {list(fields)}",
            code=ErrorCode.NO_SUCH_INCLUDE_FIELD,
        )


def parse_flag(values: Mapping[str, object], name: str, default: bool = False) -> bool:
    """Read a boolean. Raises Invalid."""
    value = str(values.get(name, default)).lower()
    if value not in (*TRUE, "false", "0", "no", "off", "", "none"):
        raise Invalid(f"`{value}` is neither true nor false ({name})")
    return value in TRUE


def parse_integer(query: QueryParams, name: str, default: int) -> int:
    """Read a whole number from 0 upwards. Raises Invalid."""
    value = query.get(name)
    if value in (None, "", "None"):
        return default
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number <= MAX_INTEGER:
        raise Invalid(f"`{value}` is not a number from 0 upwards ({name})")
    return number


def parse_time(text: str) -> str | None:
    """Read a time as the store writes it; one without a zone is UTC. None for empty text. Raises Invalid."""
    if not text:
        return None
    try:
        return format_timestamp(parse_timestamp(text))
    except (ValueError, OverflowError):
        raise Invalid(f"`{text}` is not a time such as 2026-01-31T12:00:00Z") from None


def _parse_range(text: str) -> Range:
    column, *ends = text.split(",")
    if len(ends) != 2:
        raise Invalid(f"`{text}` is not a range: give FIELD,FROM,TO; either end may be empty (_range)")
    start, end = (value or None for value in ends)
    return Range(column, start, end)
