"""JSON schemas of secrets. Errors never contain a part of the value."""

import json
import re

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.errors import Conflict, Invalid

MAX_QUOTED_LENGTH = 120  # characters of a schema's rule in an error


def check_value(value: Json, schema: JsonObject) -> None:
    """Raise Invalid for an invalid schema, and Conflict, as this API does, for a value that does not match it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        mismatch = best_match(kind(schema, registry=Registry()).iter_errors(value))  # an empty registry fetches nothing
    except SchemaError as error:
        raise Invalid(f"The schema is not a valid JSON schema: {error.message}") from None
    except Unresolvable as error:
        raise Invalid(f"The schema refers to `{error.ref}`, which is not in it") from None
    except RecursionError:
        raise Invalid("The schema refers to itself without end") from None
    except (ValueError, ArithmeticError, LookupError, TypeError, re.error) as error:
        raise Invalid(f"The schema cannot be used: {type(error).__name__}") from None
    if mismatch is None:
        return
    location = "`" + ".".join(map(str, mismatch.absolute_path)) + "`" if mismatch.absolute_path else "its root"
    rule = json.dumps({mismatch.validator: mismatch.validator_value}, ensure_ascii=False)
    rule = rule if len(rule) <= MAX_QUOTED_LENGTH else f"{rule[:MAX_QUOTED_LENGTH]}…"
    raise Conflict(f"Error validating secret value: at {location} it breaks the schema's rule {rule}")
