"""JSON schemas of secrets. Errors never contain a part of the value."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import regex

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.limits import active_limits, format_limit, raise_hint
from cfy_cli.dsl.patterns import PatternTimeout, search
from cfy_cli.errors import Conflict, Invalid

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    Keyword = Callable[[Validator, Json, Json, JsonObject], Iterator[ValidationError]]

MAX_QUOTED_LENGTH = 120  # characters of a schema's rule in an error


def check_value(value: Json, schema: JsonObject) -> None:
    """Raise Invalid for an invalid schema, and Conflict, as this API does, for a value that does not match it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import extend, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    bounded = extend(kind, _bounded_keywords(kind.VALIDATORS))
    try:
        kind.check_schema(schema)
        mismatch = best_match(bounded(schema, registry=Registry()).iter_errors(value))  # an empty one fetches nothing
    except SchemaError as error:
        raise Invalid(f"The schema is not a valid JSON schema: {error.message}") from None
    except Unresolvable as error:
        raise Invalid(f"The schema refers to `{error.ref}`, which is not in it") from None
    except PatternTimeout as error:
        raise Invalid(f"The value cannot be checked against the schema: {error}") from None
    except RecursionError:
        raise Invalid("The schema refers to itself without end", hint="Check its `$ref`.") from None
    except (ValueError, ArithmeticError, LookupError, TypeError, re.error, regex.error) as error:
        raise Invalid(f"The schema cannot be used: {type(error).__name__}") from None
    if mismatch is None:
        return
    location = "`" + ".".join(map(str, mismatch.absolute_path)) + "`" if mismatch.absolute_path else "its root"
    rule = json.dumps({mismatch.validator: mismatch.validator_value}, ensure_ascii=False)
    rule = rule if len(rule) <= MAX_QUOTED_LENGTH else f"{rule[:MAX_QUOTED_LENGTH]}…"
    raise Conflict(f"Error validating secret value: at {location} it breaks the schema's rule {rule}")


def _bounded_keywords(keywords: "Mapping[str, Keyword]") -> "dict[str, Keyword]":
    """Return the keywords of a validator with a common deadline, and regular expressions with a time limit."""
    limit = active_limits().schema_time  # references between the parts of a schema can multiply its work without end
    deadline = time.monotonic() + limit / 1000

    def bound(check: "Keyword") -> "Keyword":
        def run(
            validator: "Validator", argument: Json, instance: Json, schema: JsonObject
        ) -> "Iterator[ValidationError]":
            if time.monotonic() > deadline:
                raise Invalid(
                    f"The value cannot be checked against the schema within {format_limit('schema_time', limit)}",
                    hint=f"Give a simpler schema. {raise_hint('schema_time')}",
                )
            yield from check(validator, argument, instance, schema) or ()

        return run

    return {name: bound(check) for name, check in {**keywords, **_PATTERN_KEYWORDS}.items() if name in keywords}


def _pattern(validator: "Validator", pattern: Json, instance: Json, _schema: JsonObject) -> "Iterator[ValidationError]":
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not search(str(pattern), instance):
        yield ValidationError("the text does not match the pattern")


def _pattern_properties(
    validator: "Validator", patterns: Any, instance: Json, _schema: JsonObject
) -> "Iterator[ValidationError]":
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name, item in instance.items():
                if search(pattern, name):
                    yield from validator.descend(item, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: "Validator", allowed: Json, instance: Json, schema: JsonObject
) -> "Iterator[ValidationError]":
    from jsonschema.exceptions import ValidationError

    if not isinstance(instance, dict):
        return
    properties, patterns = schema.get("properties"), schema.get("patternProperties")
    known = properties if isinstance(properties, dict) else {}
    matched = list(patterns) if isinstance(patterns, dict) else []
    for name, item in instance.items():
        if name in known or any(search(pattern, name) for pattern in matched):
            continue
        if isinstance(allowed, dict):
            yield from validator.descend(item, allowed, path=name)
        elif not allowed:
            yield ValidationError("additional properties are not allowed")


def _unevaluated_properties(
    _validator: "Validator", _argument: Json, _instance: Json, _schema: JsonObject
) -> "Iterator[ValidationError]":
    """Refuse a keyword whose implementation matches `patternProperties` of other parts without a time limit."""
    raise Invalid("A secret's schema cannot use `unevaluatedProperties`", hint="Use `additionalProperties`.")


_PATTERN_KEYWORDS: "dict[str, Keyword]" = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
}
