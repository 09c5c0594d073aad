"""The content of a log bundle: logs, settings and state, without secrets."""

import json
import platform
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import func, select

from cfy_cli import __version__
from cfy_cli.contract.json import Json, JsonObject
from cfy_cli.contract.timestamps import now
from cfy_cli.manager.log_file import LOG_FILE
from cfy_cli.manager.services.cluster import cluster_status
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.log_bundles.masks import SecretMask
from cfy_cli.manager.store.models import Base, ConfigValue, Event, Execution

MAX_EVENTS = 10_000  # the latest events and logs of executions
SECRET_SETTINGS = ("encryption_key", "database_password", "storage_credentials")
EVENT_FIELDS = (
    "reported_timestamp", "tenant_name", "execution_id", "deployment_id", "node_instance_id", "operation", "type",
    "event_type", "level", "logger", "message",
)  # fmt: skip


def write_bundle(app: AppContext, file: BinaryIO) -> list[str]:
    """Write the zip archive; return the names of what is in it."""
    mask = SecretMask(app)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        log = app.settings.data_dir / LOG_FILE
        for path in sorted(log.parent.glob(f"{log.name}*")):
            _write_log(archive, path, mask)
        _write_events(app, archive, mask)
        for name, content in (("settings.json", _settings(app)), ("state.json", _state(app))):
            archive.writestr(name, json.dumps(mask.mask_values(content), indent=1, default=str))
        return archive.namelist()


def _write_log(archive: zipfile.ZipFile, path: Path, mask: SecretMask) -> None:
    """Write a log line by line, since it may be long."""
    with path.open("r", encoding="utf-8", errors="replace") as source, archive.open(f"logs/{path.name}", "w") as target:
        for line in source:
            target.write(mask.mask(line).encode())


def _write_events(app: AppContext, archive: zipfile.ZipFile, mask: SecretMask) -> None:
    columns = [getattr(Event, name) for name in EVENT_FIELDS]
    latest = select(*columns).order_by(Event.storage_id.desc()).limit(MAX_EVENTS)
    with app.database.read() as session, archive.open("logs/executions.jsonl", "w") as target:
        for row in reversed(session.execute(latest).all()):
            target.write(mask.mask(json.dumps(dict(row._mapping))).encode() + b"\n")


def _settings(app: AppContext) -> JsonObject:
    settings = {name: value for name, value in asdict(app.settings).items() if name not in SECRET_SETTINGS}
    settings["database_url"] = app.database.url.render_as_string(hide_password=True)
    with app.database.read() as session:
        rows = session.execute(select(ConfigValue.scope, ConfigValue.name, ConfigValue.value)).all()
    changed = {f"{scope}.{name}": value for scope, name, value in rows}
    return cast("JsonObject", {"settings": json.loads(json.dumps(settings, default=str)), "configuration": changed})


def _state(app: AppContext) -> JsonObject:
    tables = sorted(Base.metadata.tables)
    with app.database.read() as session:
        counts = {name: session.scalar(select(func.count()).select_from(Base.metadata.tables[name])) for name in tables}
        by_status = select(Execution.status, func.count(Execution.storage_id)).group_by(Execution.status)
        statuses: Mapping[str, int] = {row[0]: row[1] for row in session.execute(by_status)}
    state: dict[str, object] = {
        "created_at": now(),
        "version": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "hostname": app.hostname,
        "cluster_status": cluster_status(app),
        "rows": counts,
        "executions": statuses,
    }
    return cast("dict[str, Json]", state)
