"""Endpoints of labels: the keys that blueprints or deployments have, and the values of a key."""

from typing import Any

from cfy_cli.contract.json import JsonObject
from cfy_cli.manager.rest import blueprints, deployments
from cfy_cli.manager.rest.api import Call, Routes
from cfy_cli.manager.rest.nouns import Noun
from cfy_cli.manager.rest.query import ALL_TENANTS, PAGE, Parameter
from cfy_cli.manager.rest.schemas import Answer, list_answer
from cfy_cli.manager.rest.serialize import page_of
from cfy_cli.manager.services.labels import RESERVED_KEYS
from cfy_cli.manager.store.label_lists import list_labels
from cfy_cli.manager.store.listing import Page
from cfy_cli.manager.store.query import all_of

SEARCH = Parameter("_search", "Text that a key or a value must contain.", repeated=True)
RESERVED = Parameter("_reserved", "Answer the keys that are reserved for the manager instead.", "boolean")
PARAMETERS = (*PAGE, ALL_TENANTS, SEARCH)
ANSWER = list_answer(Answer({"type": "string"}), "LabelTextList")

routes = Routes("labels")


def _add(noun: Noun[Any]) -> None:
    """Add the endpoints of the labels of a noun."""
    path = f"/labels{noun.path}"

    @routes.get(path, "labels_list", (*PARAMETERS, RESERVED), ANSWER)
    def list_keys(call: Call) -> JsonObject:
        return _list_reserved(call) if call.flag(RESERVED.name) else _list(call, noun)

    @routes.get(f"{path}/{{key}}", "labels_list", PARAMETERS, ANSWER)
    def list_values(call: Call, key: str) -> JsonObject:
        return _list(call, noun, key)


def _list(call: Call, noun: Noun[Any], key: str | None = None) -> JsonObject:
    listing = call.listing("", {SEARCH.name: ("key",)})
    listed = all_of(*noun.conditions(call))
    page = list_labels(call.store, noun.model, listing, listed, key)
    return page_of(page, page.items)


def _list_reserved(call: Call) -> JsonObject:
    listing = call.listing("", {SEARCH.name: ("key",)})
    words = [word.lower() for _, word in listing.searches]
    found = sorted(key for key in RESERVED_KEYS if not words or any(word in key for word in words))
    items = found[listing.offset : listing.offset + listing.size]
    return page_of(Page(items, len(found), listing.offset, listing.size), items)


_add(blueprints.noun)
_add(deployments.noun)
