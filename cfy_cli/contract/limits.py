"""Limits of what the manager accepts, so that no request, file or execution can exhaust its memory, disk or time.

The settings of a manager hold its limits; the command line uses the defaults for the files that it reads itself.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, field, fields
from datetime import datetime

from cfy_cli.contract.durations import parse_duration
from cfy_cli.errors import CfyError, Invalid, Usage

KIB, MIB = 1024, 1024**2


def _limit(default: int, unit: str, description: str) -> int:
    return field(default=default, metadata={"unit": unit, "description": description})


@dataclass(frozen=True, slots=True)
class Limits:
    """One field for each limit; its metadata has the unit and the description that users see."""

    request_body: int = _limit(8 * MIB, "bytes", "the body of a request, files excluded")
    request_head: int = _limit(64 * KIB, "bytes", "the address and the headers of a request")
    request_headers: int = _limit(100, "headers", "headers of a request")
    upload: int = _limit(2048 * MIB, "bytes", "an uploaded file")
    icon: int = _limit(1 * MIB, "bytes", "the icon of a blueprint")
    json_depth: int = _limit(100, "levels", "lists and objects within each other, in JSON and YAML")
    json_values: int = _limit(500_000, "values", "values in a JSON body or a YAML file, aliases expanded")
    body_items: int = _limit(20_000, "items", "items in one list or object of a JSON body; any JSON may have more")
    page: int = _limit(64 * MIB, "bytes", "memory for one page of a list; a larger one ends early")
    search_text: int = _limit(1_000, "characters", "`_search` and other text that lists are searched for")
    query_values: int = _limit(100, "values", "values of one query parameter, such as `_sort` and `_range`")
    rules: int = _limit(50, "rules", "filter rules of one search")
    rule_values: int = _limit(500, "values", "values of all filter rules of a search, or of one field to filter by")
    all_results: int = _limit(20_000, "items", "items in one answer with `_get_all_results`")
    event: int = _limit(1 * MIB, "bytes", "one event or log in a request")
    events: int = _limit(10_000, "events", "events and logs in one request")
    pattern_time: int = _limit(1_000, "milliseconds", "the time to match one regular expression of a user")
    schedules_time: int = _limit(
        3_000, "milliseconds", "the time to list all occurrences of schedules; after it, only the next ones are listed"
    )
    deployment_schedules: int = _limit(500, "schedules", "schedules of one deployment")
    tenant_schedules: int = _limit(50_000, "schedules", "schedules of all deployments of a tenant")
    frequent_schedules: int = _limit(
        100, "schedules", "enabled schedules of a tenant that occur again within less than a minute"
    )
    schema_time: int = _limit(2_000, "milliseconds", "the time to check the value of a secret against its schema")
    group_deployments: int = _limit(20_000, "deployments", "new deployments in one request for a deployment group")
    group_values: int = _limit(
        64 * MIB, "bytes", "inputs and parameters that one request stores for all deployments of a group"
    )
    group_labels: int = _limit(500_000, "labels", "labels that one request gives to all deployments of a group")
    group_members: int = _limit(100_000, "names", "names of deployments on one page of deployment groups")
    node_instances: int = _limit(50_000, "instances", "node instances of one deployment")
    relationships: int = _limit(1_000_000, "relationships", "relationships between node instances of one deployment")
    evaluated_values: int = _limit(5_000_000, "values", "values that one evaluation of functions computes")
    template_time: int = _limit(30, "seconds", "the time to render a template for a script or plugin")
    license_file: int = _limit(64 * KIB, "bytes", "the file of a license")
    archive_files: int = _limit(10_000, "files", "files in an archive")
    archive_content: int = _limit(500 * MIB, "bytes", "files of an archive, unpacked")
    archive_file: int = _limit(500 * MIB, "bytes", "one file of an archive, unpacked")
    archive_ratio: int = _limit(200, "times", "the size of an archive that its files have, unpacked, beyond 32 MiB")
    snapshot_content: int = _limit(8192 * MIB, "bytes", "rows and files of a snapshot, unpacked")
    snapshot_row: int = _limit(256 * MIB, "bytes", "one row in a snapshot")
    snapshot_files: int = _limit(500_000, "files", "files in a snapshot")
    file_cache: int = _limit(10240 * MIB, "bytes", "unpacked blueprints and installed plugins that a machine keeps")
    working_folder: int = _limit(64 * MIB, "bytes", "a packed working folder of a deployment, which machines share")
    connections: int = _limit(1_000, "connections", "connections at the same time; idle ones give way to new ones")
    waiting_requests: int = _limit(500, "requests", "requests that wait for an execution at the same time")
    waiting_logins: int = _limit(100, "logins", "logins whose passwords wait to be verified at the same time")
    body_rate: int = _limit(1 * KIB, "bytes", "the part of a body or an answer that must be transferred in a second")
    idle_connection: int = _limit(60, "seconds", "the time until a connection without a request is closed")
    failed_logins: int = _limit(
        5, "logins", "wrong passwords for one user from one address until further ones must wait"
    )
    failed_logins_of_address: int = _limit(50, "logins", "the same for one address, whichever users it names")
    login_delay: int = _limit(
        10, "seconds", "the first wait after too many wrong passwords, doubled by each further one"
    )
    max_login_delay: int = _limit(
        600, "seconds", "the longest such wait; wrong passwords are forgotten as long after it"
    )
    login_records: int = _limit(10_000, "records", "addresses and users whose wrong passwords are remembered")
    signed_token: int = _limit(36_000, "seconds", "the validity of the token that `GET /tokens` gives")
    web_session: int = _limit(43_200, "seconds", "the time until a session of the web page has to log in again")
    secrets_export: int = _limit(64 * MIB, "bytes", "the values and schemas of one export of secrets")
    secrets_provider_time: int = _limit(10, "seconds", "the time in which a secrets provider must answer")
    secrets_provider_answer: int = _limit(1 * MIB, "bytes", "one answer of a secrets provider")
    secrets_provider_requests: int = _limit(20, "requests", "requests to one secrets provider at the same time")
    ctx_message: int = _limit(64 * MIB, "bytes", "one call of a script or plugin to its ctx")
    config_value: int = _limit(4_096, "characters", "text in the configuration")
    log_file: int = _limit(20 * MIB, "bytes", "the log of the manager before it is rotated")
    log_files: int = _limit(5, "files", "rotated logs that are kept")

    @classmethod
    def from_stored(cls, values: Mapping[str, int]) -> "Limits":
        """Return the default limits with the stored values; names that another version has stored are left out."""
        known = {limit.name for limit in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    @property
    def as_setting(self) -> dict[str, dict[str, int]]:
        """Return the limits that differ from their defaults, as the setting `limits`; nothing when none do."""
        changed = {limit.name: getattr(self, limit.name) for limit in fields(self)}
        changed = {name: value for name, value in changed.items() if value != getattr(Limits(), name)}
        return {"limits": changed} if changed else {}

    def check(self, name: str, number: int, what: str, error: type[CfyError] = Invalid, *, remedy: str = "") -> None:
        """Raise the error when a number is above the limit of that name; `what` is counted, in the plural.

        `remedy` says what else can be done than raise the limit.
        """
        limit = getattr(self, name)
        if number > limit:
            hint = f"{remedy} {raise_hint(name)}" if remedy else raise_hint(name)
            raise error(f"{what} are more than {format_limit(name, limit)}: {number}", hint=hint)


_active = [Limits()]


def active_limits() -> Limits:
    """Return the limits of this process."""
    return _active[0]


def activate(limits: Limits) -> None:
    """Set the limits of this process; a manager does so with those of its settings."""
    _active[0] = limits


def find_limit(name: str) -> "Field[int]":
    """Return the field of a limit. Raises Usage."""
    known = {limit.name: limit for limit in fields(Limits)}
    if name not in known:
        raise Usage(f"There is no limit `{name}`", hint=f"Limits: {', '.join(known)}")
    return known[name]


def parse_limit(text: str) -> tuple[str, int]:
    """Parse `NAME=VALUE`; the value may have a unit, or be `default`. Raises Usage."""
    name, sign, value = text.partition("=")
    if not sign:
        raise Usage(f"`{text}` is not a limit", hint="Give NAME=VALUE, such as request_body=64M: cfy manager limits")
    limit = find_limit(name.strip())
    value = value.strip()
    number = limit.default if value.lower() == "default" else _parse_number(value.lower(), limit.metadata["unit"])
    if not isinstance(number, int) or not 0 < number < 2**53:
        unit = limit.metadata["unit"]
        raise Usage(
            f"The limit `{limit.name}` must be a positive number of {unit}, not `{value}`", hint=_HINTS.get(unit)
        )
    return limit.name, number


def format_limit(name: str, value: int) -> str:
    """Return the value of a limit as users read it: `64 MiB`, `10000 files`."""
    unit = find_limit(name).metadata["unit"]
    if unit == "bytes":
        for factor, word in ((KIB * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
            if value % factor == 0:
                return f"{value // factor} {word}"
    return f"{value} {unit}"


def raise_hint(name: str) -> str:
    """Return the hint of an error for a limit that was exceeded."""
    unit = find_limit(name).metadata["unit"]
    return f"The limit is a setting of the manager: cfy manager start --limit {name}={unit.upper()}"


_HINTS = {
    "bytes": "A size may have a unit: 64M, 64MiB or 1G",
    "seconds": "A time may have a unit: 90s, 5min or 1h",
    "milliseconds": "A time may have a unit: 500ms or 2s",
}
_SIZES = {"": 1, "k": KIB, "m": MIB, "g": KIB * MIB, "t": MIB * MIB}


def _parse_number(text: str, unit: str) -> int | None:
    """Parse a number and its optional unit; None when it is neither."""
    match = re.fullmatch(r"([0-9]{1,16}) ?([a-z]*)", text)
    if not match:
        return None
    number, word = int(match[1]), match[2]
    if word in ("", unit):
        return number
    if unit == "bytes":
        factor = _SIZES.get(re.sub(r"(?<=[kmgt])(i?b)$|^b$", "", word))
        return number * factor if factor else None
    if unit == "milliseconds" and word == "ms":
        return number
    if unit in ("seconds", "milliseconds"):
        with suppress(Usage):
            seconds = parse_duration(text).after(datetime.min) - datetime.min
            return int(seconds.total_seconds()) * (1000 if unit == "milliseconds" else 1)
    return None
