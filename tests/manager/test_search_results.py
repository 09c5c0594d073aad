"""What the databases find by rules, constraints and searches is what plain Python finds in the same rows."""

import itertools
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Blueprint, BlueprintLabel, Deployment, DeploymentLabel, Site
from tests.conftest import Ask

Row = dict[str, Any]
TEXTS = (
    "a",
    "A",
    "ab",
    "%",
    "a%b",
    "_",
    "a_b",
    "axb",
    "\\",
    "a\\%",
    "é",
    "É",
    "ß",
    "SS",
    "Ωmega",
    "ωMEGA",
    "\u017f",
    "S",
    "K",
)
NAMES = (*TEXTS, *(f"{left}{right}" for left, right in itertools.product(("web", "Wéb", "x_"), ("", "1", "%", "Ω"))))
KEYS = ("team", "env", "zone.a")
ATTRIBUTES = {
    "blueprints": ("id", "state", "tenant_name", "created_by"),
    "deployments": ("id", "blueprint_id", "created_by", "site_name", "tenant_name", "display_name"),
}
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@pytest.fixture
def rows(app: AppContext, ask: Ask) -> dict[str, list[Row]]:
    """Store rows of which each differs in name, creator, site and labels; return them as they are answered."""
    ask("POST", "/tenants/red")
    with app.database.write() as session:
        sites = [
            None,
            *(Site(name=name, tenant_name="default_tenant", created_by="admin") for name in ("n_1", "N%", "é")),
        ]
        for number, name in enumerate(NAMES):
            owned = {
                "tenant_name": "default_tenant",
                "created_by": TEXTS[number * 7 % len(TEXTS)],
                "visibility": "tenant",
            }
            pairs = {(KEYS[index % len(KEYS)], TEXTS[(number + index * 5) % len(TEXTS)]) for index in range(number % 5)}
            labels = [{"key": key, "value": value, "created_by": "admin"} for key, value in sorted(pairs)]
            blueprint = Blueprint(
                id=name,
                state=("uploaded", "invalid")[number % 2],
                labels=[BlueprintLabel(**label) for label in labels],
                **owned,
            )
            session.add(blueprint)
            session.add(
                Deployment(
                    id=name,
                    display_name=NAMES[-1 - number],
                    blueprint=blueprint,
                    blueprint_id=name,
                    site=sites[number % len(sites)],
                    labels=[DeploymentLabel(**label) for label in labels],
                    **owned,
                )
            )
    return {
        kind: ask("GET", f"/{kind}?_include=labels,{','.join(attributes)}").json()["items"]
        for kind, attributes in ATTRIBUTES.items()
    }


def fold(text: str) -> str:
    return text.translate(_LOWER)


ATTRIBUTE_TESTS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "any_of": lambda text, values: text in values,
    "not_any_of": lambda text, values: text not in values,
    "contains": lambda text, values: text is not None and any(value in text for value in values),
    "not_contains": lambda text, values: text is None or all(value not in text for value in values),
    "starts_with": lambda text, values: text is not None and any(fold(text).startswith(fold(v)) for v in values),
    "ends_with": lambda text, values: text is not None and any(fold(text).endswith(fold(v)) for v in values),
    "is_not_empty": lambda text, _values: bool(text),
}
LABEL_TESTS: dict[str, Callable[[list[str], list[str]], bool]] = {
    "any_of": lambda present, values: any(value in values for value in present),
    "not_any_of": lambda present, values: any(value not in values for value in present),
    "is_not": lambda present, values: all(value not in values for value in present),
    "is_null": lambda present, _values: not present,
    "is_not_null": lambda present, _values: bool(present),
}
NAME_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda name, text: text in name,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "equals_to": str.__eq__,
}


def values_of(row: Row, key: str) -> list[str]:
    return [label["value"] for label in row["labels"] if label["key"] == key]


def meets(row: Row, rule: Row) -> bool:
    if rule["type"] == "label":
        return LABEL_TESTS[rule["operator"]](values_of(row, rule["key"]), rule["values"])
    return ATTRIBUTE_TESTS[rule["operator"]](row[rule["key"]], rule["values"])


def meets_constraints(row: Row, name: str, constraints: Row) -> bool:
    return (
        all(NAME_TESTS[operator](row[name], text) for operator, text in constraints.get("name_pattern", {}).items())
        and ("valid_values" not in constraints or row[name] in constraints["valid_values"])
        and ("tenants" not in constraints or row["tenant_name"] in constraints["tenants"])
        and all(
            any(value in values for value in values_of(row, key))
            for label in constraints.get("labels", [])
            for key, values in label.items()
        )
    )


WORDS = st.one_of(st.sampled_from(NAMES), st.text("aAbBé%_\\Ωω\u017fKweb1", max_size=3))
LABEL_VALUES = st.one_of(st.sampled_from(TEXTS), st.text("aAbé%_\\Ω", min_size=1, max_size=2))


def rules_of(kind: str) -> st.SearchStrategy[Row]:
    def attribute(operator: str) -> st.SearchStrategy[Row]:
        values = st.just([]) if operator == "is_not_empty" else st.lists(WORDS, min_size=1, max_size=3)
        keys = st.sampled_from(ATTRIBUTES[kind])
        return st.builds(lambda key, values: _rule(key, values, operator, "attribute"), keys, values)

    def label(operator: str) -> st.SearchStrategy[Row]:
        values = st.just([]) if operator.endswith("null") else st.lists(LABEL_VALUES, min_size=1, max_size=3)
        keys = st.sampled_from((*KEYS, "nosuch"))
        return st.builds(lambda key, values: _rule(key, values, operator, "label"), keys, values)

    return st.one_of(*map(attribute, ATTRIBUTE_TESTS), *map(label, LABEL_TESTS))


def _rule(key: str, values: list[str], operator: str, kind: str) -> Row:
    return {"key": key, "values": values, "operator": operator, "type": kind}


CONSTRAINTS = st.fixed_dictionaries(
    {},
    optional={
        "name_pattern": st.dictionaries(st.sampled_from(tuple(NAME_TESTS)), WORDS, max_size=2),
        "valid_values": st.lists(WORDS, max_size=4),
        "tenants": st.sampled_from([["default_tenant"], ["red"], ["red", "default_tenant"], []]),
        "labels": st.lists(
            st.dictionaries(st.sampled_from(KEYS), st.lists(LABEL_VALUES, max_size=2), max_size=1), max_size=2
        ),
    },
)
FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def find(ask: Ask, kind: str, body: Row, **params: Any) -> tuple[list[str], int | None]:
    answer = ask("POST", f"/searches/{kind}", json=body, params={"_include": "id", **params})
    assert answer.status_code == 200, answer.text
    return sorted(row["id"] for row in answer.json()["items"]), answer.json()["metadata"]["filtered"]


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_databases_find_what_python_finds(ask: Ask, rows: dict[str, list[Row]], kind: str) -> None:
    name = "id" if kind == "blueprints" else "display_name"
    every = rows[kind]
    assert len(every) == len(NAMES)

    @FEW
    @given(st.lists(rules_of(kind), min_size=1, max_size=3))
    def test_rules(rules: list[Row]) -> None:
        expected = sorted(row["id"] for row in every if all(meets(row, rule) for rule in rules))
        assert find(ask, kind, {"filter_rules": rules}) == (expected, len(every) - len(expected))

    @FEW
    @given(CONSTRAINTS)
    def test_constraints(constraints: Row) -> None:
        expected = sorted(row["id"] for row in every if meets_constraints(row, name, constraints))
        assert find(ask, kind, {"constraints": constraints})[0] == expected

    @FEW
    @example(["É"], ["ω"])
    @given(st.lists(WORDS, min_size=1, max_size=2), st.lists(WORDS, max_size=1))
    def test_words(words: list[str], more: list[str]) -> None:
        looked_at = {"_search": ("id", words), **({"_search_name": (name, more)} if name != "id" else {})}
        given = [(field, fold(word)) for field, words in looked_at.values() for word in words if word]
        expected = sorted(
            row["id"] for row in every if not given or any(word in fold(row[field]) for field, word in given)
        )
        assert find(ask, kind, {}, **{name: words for name, (_, words) in looked_at.items()})[0] == expected

    test_rules()
    test_constraints()
    test_words()
