"""Values against JSON schemas that users give; what is said of a value never tells the value."""

import json
from typing import Any

from cfy_cli.errors import Conflict, Invalid

Schema = dict[str, Any]
LONGEST_RULE = 120  # characters of a schema that a sentence quotes


def check_value(value: Any, schema: Schema) -> None:
    """Raises Invalid for a schema that is none, and Conflict, as this API has it, for a value that breaks it."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        wrong = best_match(kind(schema, registry=Registry()).iter_errors(value))  # an empty registry fetches nothing
    except SchemaError as error:
        raise Invalid(f"The schema is no JSON schema: {error.message}") from None
    except Unresolvable as error:
        raise Invalid(f"The schema refers to `{error.ref}`, which is not in it") from None
    if wrong is None:
        return
    place = "`" + ".".join(map(str, wrong.absolute_path)) + "`" if wrong.absolute_path else "its root"
    rule = json.dumps({wrong.validator: wrong.validator_value}, ensure_ascii=False)
    rule = rule if len(rule) <= LONGEST_RULE else f"{rule[:LONGEST_RULE]}…"
    raise Conflict(f"Error validating secret value: at {place} it breaks the schema's rule {rule}")
