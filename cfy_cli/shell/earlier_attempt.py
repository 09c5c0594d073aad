"""Blueprint and deployment of an earlier attempt of `cfy install`, which the next attempt uses."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cfy_cli.client.transfer import save
from cfy_cli.errors import Conflict, NotFound
from cfy_cli.shell.archive_files import read_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cfy_cli.client.collection import Item
    from cfy_cli.contract.labels import Label
    from cfy_cli.shell.app import App
    from cfy_cli.shell.blueprint_source import BlueprintSource

MAX_NAMED_FILES = 3  # in a message
FAILED_CREATION = "failed"
DEPLOYMENT_FIELDS = "id,blueprint_id,inputs,visibility,labels,installation_status,create_execution"


def find_same_blueprint(
    app: App, blueprint_id: str, source: BlueprintSource, *, labels: Sequence[Label] | None, visibility: str
) -> Item | None:
    """Return the blueprint if it was uploaded from the same files; None if it is to be uploaded.

    Raises Conflict when the blueprint of this id has other files, labels or another visibility.
    """
    blueprint = app.client.blueprints.find_uploaded(blueprint_id)
    if blueprint is None or not isinstance(source.archive, Path):
        return None
    with tempfile.TemporaryDirectory(prefix="cfy-") as folder:
        uploaded = save(app.client.blueprints.archive(blueprint_id), Path(folder) / "archive")
        changed = _changed_files(uploaded, source.archive)
    if not changed and blueprint.get("main_file_name") in (None, source.file_name):
        different = _different_values(blueprint, labels, visibility)
        if different:
            reason = f"Blueprint `{blueprint_id}` already exists with other values (different: {', '.join(different)})"
            raise Conflict(reason, hint=_hint_replace_blueprint(app, blueprint_id))
        return blueprint
    raise Conflict(
        f"Blueprint `{blueprint_id}` already exists and was uploaded from other files"
        + (f" (different: {_list_some(changed)})" if changed else f" (main file: {blueprint['main_file_name']})"),
        hint=_hint_replace_blueprint(app, blueprint_id),
    )


def has_same_files(app: App, blueprint_id: str, source: BlueprintSource) -> bool:
    """Tell whether the blueprint was uploaded from the same files and with the same main file."""
    try:
        blueprint = app.client.blueprints.get(blueprint_id, _include="visibility")
        same = find_same_blueprint(app, blueprint_id, source, labels=None, visibility=str(blueprint["visibility"]))
    except (Conflict, NotFound):
        return False
    return same is not None


def find_same_deployment(app: App, deployment_id: str, blueprint_id: str) -> Item | None:
    """Return the deployment if it belongs to the blueprint and is not installed; None if there is none.

    Raises Conflict when the next attempt cannot use the deployment.
    """
    try:
        deployment = app.client.deployments.get(deployment_id, _include=DEPLOYMENT_FIELDS)
    except NotFound:
        return None
    exists = f"Deployment `{deployment_id}` already exists"
    another = "or give the new deployment another id: -d ID"
    if deployment.get("blueprint_id") != blueprint_id:
        reason = f"{exists}, of blueprint `{deployment.get('blueprint_id')}`"
        raise Conflict(reason, hint=f"Remove it: cfy uninstall {deployment_id}; {another}")
    if deployment.get("installation_status") == "active":
        raise Conflict(f"{exists} and is installed", hint=f"Remove it: cfy uninstall {deployment_id}; {another}")
    if _is_creation_failed(app, deployment):
        raise Conflict(
            f"{exists}, but its creation failed",
            hint=f"Delete it: cfy deployments delete {deployment_id}, and repeat the command; {another}",
        )
    return deployment


def check_same_values(
    deployment: Item, *, inputs: Mapping[str, object], labels: Sequence[Label] | None, visibility: str
) -> None:
    """Raise Conflict when the deployment has other inputs, labels or another visibility than the command gives."""
    stored = deployment.get("inputs") or {}
    changed = [f"input `{name}`" for name, value in inputs.items() if stored.get(name) != value]
    changed += _different_values(deployment, labels, visibility)
    if changed:
        key = deployment["id"]
        raise Conflict(
            f"Deployment `{key}` already exists with other values (different: {', '.join(changed)})",
            hint=f"Remove it: cfy uninstall {key}; or give the new deployment another id: -d ID",
        )


def _different_values(item: Item, labels: Sequence[Label] | None, visibility: str) -> list[str]:
    present = {(label["key"], label["value"]) for label in item.get("labels") or ()}
    different = [f"label `{key}:{value}`" for key, value in labels or () if (key, value) not in present]
    return [*different, *(["visibility"] if item.get("visibility") != visibility else [])]


def _is_creation_failed(app: App, deployment: Item) -> bool:
    execution_id = deployment.get("create_execution")
    try:
        return bool(execution_id) and app.client.executions.get(str(execution_id))["status"] == FAILED_CREATION
    except NotFound:
        return False


def _hint_replace_blueprint(app: App, blueprint_id: str) -> str:
    deployments = app.client.deployments.list(blueprint_id=blueprint_id, _include="id", _size=1).items
    remove = f"cfy uninstall {deployments[0]['id']}" if deployments else f"cfy blueprints delete {blueprint_id}"
    return f"Remove it: {remove}; or give yours another id: -b ID"


def _changed_files(uploaded: Path, source: Path) -> list[str]:
    """Return the names of files that are not the same in both archives."""
    before, after = dict(_digests(uploaded)), dict(_digests(source))
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _digests(archive: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the digest of each file; nothing of an unreadable archive."""
    for name, content in read_files(archive):
        yield name, hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]


def _list_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED_FILES} more" if len(names) > MAX_NAMED_FILES else ""
    return ", ".join(names[:MAX_NAMED_FILES]) + more
