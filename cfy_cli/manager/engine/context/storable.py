"""Limits of the values that every database can store and every client can receive."""

import json

from cfy_cli.contract.json import Json
from cfy_cli.errors import Invalid


def sanitize_text(text: str) -> str:
    """Replace what is no text: NUL, lone surrogates, bytes in another encoding."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def check_storable(value: Json) -> None:
    """Raise Invalid if a value cannot be stored unchanged."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        invalid = error.object[error.start : error.end].encode("utf-8", "backslashreplace").decode()
        raise Invalid(f"The value cannot be stored: it contains {invalid}, which is not Unicode text.") from None
    except ValueError:
        raise Invalid("The value cannot be stored: it contains a number that is infinite or not a number.") from None
