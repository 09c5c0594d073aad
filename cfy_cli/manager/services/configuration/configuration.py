"""Values of the configuration: read by every process, and changed over the API.

A limit of the manager (`cfy manager start --limit`) always holds: a value beyond it is refused, and one that was stored
before the limit was lowered counts as the limit.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from cfy_cli.contract.json import Json
from cfy_cli.contract.limits import Limits, active_limits, raise_hint
from cfy_cli.contract.timestamps import now
from cfy_cli.errors import CfyError, Conflict, ErrorCode, Forbidden, NotFound
from cfy_cli.manager.services.configuration.catalogue import BY_FULL_NAME, ENTRIES, ConfigEntry
from cfy_cli.manager.services.configuration.stored_secrets import encrypt
from cfy_cli.manager.services.configuration.values import check_value
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.store.advisory_locks import LockKey
from cfy_cli.manager.store.models import ConfigValue
from cfy_cli.manager.store.store import Store

log = logging.getLogger(__name__)
MASKED = "********"  # a secret, as it is shown
MAX_AGE = 1.0  # seconds until values are read again that another process may have changed
Values = Mapping[str, Json]  # by full name, such as `rest.default_page_size`


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """An entry with its present value, and who changed it."""

    entry: ConfigEntry
    value: Json
    updated_at: str | None = None
    updater_name: str | None = None


class Configuration:
    """The values of one manager as its processes use them: those of the database, at most MAX_AGE old.

    A change is effective at once in the process that made it.
    """

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._values: Values = {}
        self._expires_at = 0.0
        self._is_changed = False
        self._reading = threading.Lock()

    def get(self, name: str) -> Json:
        """Return the present value of an entry by its full name. Raises Unavailable for a secret without its key."""
        if self._is_changed or time.monotonic() >= self._expires_at:
            self._refresh()
        value = self._values[name]
        entry = BY_FULL_NAME[name]
        return self._decrypt(value) if entry.is_secret else value

    def find_all(self, prefix: str) -> Values:
        """Return the present values of all entries whose full names begin so, as one change has left them."""
        self.get(next(name for name in BY_FULL_NAME if name.startswith(prefix)))  # reads them again when they are old
        values = self._values
        return {
            name: self._decrypt(values[name]) if entry.is_secret else values[name]
            for name, entry in BY_FULL_NAME.items()
            if name.startswith(prefix)
        }

    def integer(self, name: str) -> int:
        return cast(int, self.get(name))

    def number(self, name: str) -> float:
        return cast(float, self.get(name))

    def text(self, name: str) -> str | None:
        return cast("str | None", self.get(name))

    def list(self, store: Store, scope: str | None = None) -> Sequence[ConfigItem]:
        """Return all entries, or those of a scope, as they are in this transaction, sorted by name."""
        rows = _rows(store.unscoped)  # the configuration is in no tenant
        items = [
            self._item(entry, rows.get(entry.full_name)) for entry in ENTRIES if scope is None or entry.scope == scope
        ]
        return sorted(items, key=lambda item: (item.entry.name, item.entry.scope))

    def find(self, store: Store, name: str) -> ConfigItem:
        """Return one entry by its name, with or without its scope. Raises NotFound and Conflict."""
        entry = find_entry(name)
        rows = _rows(store.unscoped)  # the configuration is in no tenant
        return self._item(entry, rows.get(entry.full_name))

    def set_many(self, store: Store, values: Values) -> None:
        """Change values by name in the transaction of the store, as its user. All are checked before the first change.

        A secret stays as it is where the value is its mask, which it is read as.
        Raises NotFound, Conflict, and Forbidden for entries that only administrators may change.
        """
        limits = active_limits()
        given = ((find_entry(name), value) for name, value in values.items())
        changes = {entry: value for entry, value in given if not (entry.is_secret and value == MASKED)}
        checked = {entry: _check_change(store, entry, value, limits) for entry, value in changes.items()}
        store.acquire_lock(LockKey.CONFIGURATION)
        session = store.unscoped  # the configuration is in no tenant
        rows = _rows(session)
        for entry, value in checked.items():
            stored = self._encrypt(store, value) if entry.is_secret else value
            row = rows.get(entry.full_name)
            if row is None:
                row = ConfigValue(scope=entry.scope, name=entry.name)
                session.add(row)
            row.value, row.updated_at, row.updater_name = stored, now(), store.scope.user
        store.flush()
        store.after_commit(self.on_change)

    def refresh(self) -> None:
        """Read the values again, if no other thread does so already; keep the present ones when that is impossible."""
        self._refresh()

    def close(self) -> None:
        """Do nothing: values hold no resources."""

    def _refresh(self) -> None:
        # Who asks after a change waits for it; otherwise one thread reads while the others go on with what they have.
        if not self._reading.acquire(blocking=not self._values or self._is_changed):
            return
        try:
            self._is_changed = False
            with self._app.database.read() as session:
                rows = _rows(session)
            self._values = {name: self._bounded(entry, rows.get(name)) for name, entry in BY_FULL_NAME.items()}
            apply_log_level(str(self._values["rest.rest_service_log_level"]))
        except CfyError as error:
            if not self._values:
                raise
            log.warning("The configuration cannot be read: %s", error)
        finally:
            self._expires_at = time.monotonic() + MAX_AGE
            self._reading.release()

    def on_change(self) -> None:
        """Have the values read again, after the commit of a change."""
        self._is_changed = True

    def _item(self, entry: ConfigEntry, row: ConfigValue | None) -> ConfigItem:
        if row is None:
            return ConfigItem(entry, self._default(entry))
        value = self._decrypt(row.value) if entry.is_secret else row.value
        return ConfigItem(entry, value, row.updated_at, row.updater_name)

    def _bounded(self, entry: ConfigEntry, row: ConfigValue | None) -> Json:
        value = self._default(entry) if row is None else row.value
        if not entry.limit:
            return value
        return min(cast(int, value), maximum(entry, active_limits()))

    def _default(self, entry: ConfigEntry) -> Json:
        """Return the default; of an entry that follows from the start of the manager, its value."""
        settings = self._app.settings
        folder = settings.data_dir
        of_start: dict[str, Json] = {
            "rest.api_service_log_path": str(folder / "logs" / "manager.log"),
            "rest.rest_service_log_path": str(folder / "logs" / "manager.log"),
            "rest.file_server_root": str(settings.files),
            "rest.file_server_url": f"http://{settings.host}:{settings.port}",
            "rest.public_ip": settings.host,
        }
        return of_start.get(entry.full_name, entry.default)

    def _encrypt(self, store: Store, value: Json) -> Json:
        return None if value is None else encrypt(self._app, store.unscoped, json.dumps(value))  # of all tenants

    def _decrypt(self, value: Json) -> Json:
        return None if value is None else cast(Json, json.loads(self._app.service(Cipher).decrypt(str(value))))


def find_entry(name: str) -> ConfigEntry:
    """Return an entry by its name, with or without its scope. Raises NotFound, and Conflict when several match."""
    scope, _, bare = name.rpartition(".")
    found = [entry for entry in ENTRIES if entry.name == bare and scope in ("", entry.scope)]
    if not found:
        raise NotFound(
            f"Requested `Config` with name `{name}` was not found", hint="List what there is: cfy config list"
        )
    if len(found) > 1:
        full_names = " or ".join(entry.full_name for entry in found)
        raise Conflict(
            f"Expected 1 value, but found {len(found)}",
            hint=f"Give the scope: {full_names}",
            code=ErrorCode.AMBIGUOUS_NAME,
        )
    return found[0]


def maximum(entry: ConfigEntry, limits: Limits) -> int:
    """Return the highest value that a limit of the manager leaves to an entry which has one."""
    return int(getattr(limits, entry.limit)) // entry.limit_unit


def apply_log_level(level: str) -> None:
    """Log from this level on; of libraries only warnings, as always."""
    logging.getLogger("cfy_cli").setLevel(level)


def _check_change(store: Store, entry: ConfigEntry, value: Json, limits: Limits) -> Json:
    """Return the value as it is stored. Raises Conflict and Forbidden."""
    if not entry.is_editable:
        raise Conflict(f"{entry.name} is not editable: {entry.refusal}")
    if entry.is_for_administrators and not store.scope.administrator:
        raise Forbidden(f"Only administrators can change {entry.full_name}")
    value = check_value(entry, value)
    if entry.limit and value is not None and cast(int, value) > maximum(entry, limits):
        raise Conflict(
            f"Error validating {entry.full_name}: {value} is more than the manager's limit of {maximum(entry, limits)}",
            hint=raise_hint(entry.limit),
        )
    return value


def _rows(session: Session) -> dict[str, ConfigValue]:
    return {f"{row.scope}.{row.name}": row for row in session.scalars(select(ConfigValue))}
