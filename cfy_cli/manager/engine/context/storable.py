"""What every database can hold, and every client can be sent, of what operations say."""

import json
from typing import Any

from cfy_cli.errors import Invalid

Json = Any


def sanitize_text(text: str) -> str:
    """The text with a replacement for what is not text: NUL, halves of characters, bytes in another encoding."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def check_storable(value: Json) -> None:
    """Raises Invalid with the reason that the value cannot be kept: values are never changed silently."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.end].encode("utf-8", "backslashreplace").decode()
        raise Invalid(f"The value cannot be kept: {found} in it is not Unicode text.") from None
    except ValueError:
        raise Invalid("The value cannot be kept: it holds a number that is infinite or not a number.") from None
