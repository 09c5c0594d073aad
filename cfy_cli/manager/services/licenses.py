"""The license of the manager: shown and checked for its form. It limits nothing here: all work goes on without one."""

import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC

from sqlalchemy import select

from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import format_timestamp, parse_timestamp
from cfy_cli.dsl.yaml_reader import load_plain
from cfy_cli.errors import Conflict, Invalid, NotFound
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import License
from cfy_cli.manager.store.store import Store

FIELDS = ("customer_id", "expiration_date", "license_edition", "trial", "cloudify_version", "capabilities")
COMMUNITY = "Community"  # the edition of a registration
MAX_NAME, MAX_WORD = 256, 64  # characters
MAX_CAPABILITIES = 100
AMERICAN_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")  # month first
BINARY_SIGNATURE = re.compile(rb"^(signature:[ \t]*)!!binary\b", re.MULTILINE)  # as some licenses are written
HINT = f"A license is a YAML file with `license:`, which has {', '.join(FIELDS)}, and `signature:`."


def upload(store: Store, content: bytes) -> License:
    """Replace the license by that of a file. Raises Invalid and keeps the former one when it is no license."""
    return _replace(store, parse(content))


def register(store: Store, customer_id: str) -> License:
    """Store the license of a registered customer. Raises Conflict when there is a license."""
    new = License(
        customer_id=_check_text("customer_id", customer_id, MAX_NAME),
        license_edition=COMMUNITY,
        trial=False,
        capabilities=[],
    )
    _lock(store)
    present = find(store)
    if present is not None:
        raise Conflict(
            f"The manager has a license already, of customer `{present.customer_id}`",
            hint="Remove it first: cfy license remove",
        )
    return _add(store, new)


def remove(store: Store) -> None:
    _lock(store)
    present = find(store)
    if present is None:
        raise NotFound("The manager has no license", hint="It needs none. To upload one: cfy license upload FILE")
    store.delete(present)


def find(store: Store) -> License | None:
    return next(iter(_all(store)), None)


def parse(content: bytes) -> License:
    """Return the license in a file. Raises Invalid with what is missing or wrong in it."""
    try:
        document = load_plain(BINARY_SIGNATURE.sub(rb"\1", content))
    except ValueError as error:
        raise Invalid(f"This is no license: {error}", hint=HINT) from None
    values = _license_of(document)
    capabilities = values["capabilities"] if values["capabilities"] is not None else []
    if not isinstance(capabilities, list) or len(capabilities) > MAX_CAPABILITIES:
        raise _wrong("capabilities", f"a list of at most {MAX_CAPABILITIES} words")
    if not isinstance(values["trial"], bool):
        raise _wrong("trial", "true or false")
    version = values["cloudify_version"]
    return License(
        customer_id=_check_text("customer_id", values["customer_id"], MAX_NAME),
        expiration_date=_parse_date(values["expiration_date"]),
        license_edition=_check_text("license_edition", values["license_edition"], MAX_WORD),
        trial=values["trial"],
        cloudify_version=None if version is None else _check_version(version),
        capabilities=[_check_text("capabilities", each, MAX_NAME) for each in capabilities],
    )


def _license_of(document: Json) -> JsonObject:
    """Return the fields of the license in a document. Raises Invalid for a document of another kind."""
    if not isinstance(document, dict):
        raise Invalid("This is no license: the file has no fields", hint=HINT)
    has_wrapper = "license" in document
    values = document["license"] if has_wrapper else document
    if not isinstance(values, dict):
        raise Invalid("This is no license: `license` has no fields", hint=HINT)
    given = {*values, *document} - {"license"} if has_wrapper else {*values}
    foreign = given - {*FIELDS, "signature"}
    if foreign:
        names = ", ".join(f"`{name}`" for name in sorted(foreign))[:MAX_NAME]
        raise Invalid(f"This is no license of a manager: the file has {names}", hint=HINT)
    missing = [name for name in FIELDS if name not in values]
    if missing:
        raise Invalid(f"This license lacks {', '.join(f'`{name}`' for name in missing)}", hint=HINT)
    return values


def _parse_date(value: Json) -> str | None:
    """Return the end of a license as a timestamp. Raises Invalid."""
    if value is None:
        return None
    if isinstance(value, str):
        if match := AMERICAN_DATE.fullmatch(value.strip()):
            value = f"{match[3]}-{match[1]:0>2}-{match[2]:0>2}"
        with suppress(ValueError, OverflowError):
            return format_timestamp(parse_timestamp(value.strip()).astimezone(UTC))
    raise _wrong("expiration_date", "a date such as 2030-01-31, or null")


def _check_version(value: Json) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"\d+(\.\w+){0,5}", text) or len(text) > MAX_WORD:
        raise _wrong("cloudify_version", "a version such as 7.0.5, or null")
    return text


def _check_text(name: str, value: Json, longest: int) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > longest:
        raise _wrong(name, f"printable text of 1 to {longest} characters")
    return value


def _wrong(name: str, kind: str) -> Invalid:
    return Invalid(f"`{name}` of a license must be {kind}", hint=HINT)


def _replace(store: Store, new: License) -> License:
    _lock(store)
    for former in _all(store):
        store.delete(former)
    return _add(store, new)


def _all(store: Store) -> Sequence[License]:
    return store.unscoped.scalars(select(License)).all()  # the license is in no tenant


def _add(store: Store, new: License) -> License:
    new.id = str(uuid.uuid4())
    return store.add(new)


def _lock(store: Store) -> None:
    store.acquire_lock(LockKey.LICENSE)
