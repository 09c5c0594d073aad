"""Blueprints that nodes bring: uploaded with the node, deleted with it."""

import shutil
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.services import labels
from cfy_cli.manager.services.blueprints import blueprints
from cfy_cli.manager.services.extensions.component_plugins import bring_plugins, take_plugins_away
from cfy_cli.manager.services.extensions.component_secrets import bring, take_away
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.extensions.wait import follow
from cfy_cli.manager.services.system_workflows import blueprint_requests
from cfy_cli.manager.store.models import Blueprint


def upload(subject: Subject) -> bool:
    bring(subject, subject.wanted("secrets") or {})
    bring_plugins(subject, subject.wanted("plugins") or {})
    wanted = subject.part("blueprint") or dict(subject.config)
    blueprint_id = wanted.get("id") or f"{subject.parent}-{subject.instance_id}"
    with subject.reading() as store:
        there = store.find(Blueprint, blueprint_id)
    if wanted.get("external_resource"):
        if there is None:
            raise Invalid(
                f'The blueprint "{blueprint_id}" does not exist, and {subject.ctx.operation.node_id} '
                "says that it does (external_resource)"
            )
        subject.say("Using external blueprint.")
    elif there is not None and there.state == "uploaded":
        subject.say(f'Blueprint "{blueprint_id}" exists already, and is used as it is')
    else:
        _upload(subject, blueprint_id, wanted)
        wanted["uploaded_here"] = True
    subject.keep(
        blueprint={
            "id": blueprint_id,
            "blueprint_archive": wanted.get("blueprint_archive") or "",
            "application_file_name": wanted.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
            "labels": wanted.get("labels") or [],
            **({"uploaded_here": True} if wanted.get("uploaded_here") else {}),
        }
    )
    return True


def delete(subject: Subject) -> bool:
    """Only one that was uploaded by this node, and that nothing else uses."""
    kept: dict[str, Any] = subject.runtime.get("blueprint") or {}
    if kept.get("uploaded_here"):
        with subject.acting("blueprint_delete") as store:
            if store.find(Blueprint, kept["id"]) is not None:
                subject.say(f'Deleting the blueprint "{kept["id"]}"')
                blueprints.delete(subject.app, store, kept["id"])
    take_away(subject)
    take_plugins_away(subject)
    subject.keep("blueprint")
    return True


def _upload(subject: Subject, blueprint_id: str, wanted: dict[str, Any]) -> None:
    source = str(wanted.get("blueprint_archive") or "")
    if not source:
        raise Invalid(f'The blueprint "{blueprint_id}" has no `blueprint_archive` to upload it from')
    subject.say(f'Uploading the blueprint "{blueprint_id}" from {source}')
    with subject.app.files.open_temporary() as (_, archive), subject.acting("blueprint_upload") as store:
        is_url = "://" in source
        if not is_url:
            shutil.copyfile(subject.ctx.require(source), archive)
        _, execution = blueprint_requests.upload(
            subject.app,
            store,
            blueprint_requests.Upload(
                blueprint_id,
                archive=None if is_url else archive,
                url=source if is_url else None,
                main_file=wanted.get("main_file_name") or blueprint_requests.DEFAULT_FILE,
                labels=labels.parse(wanted.get("labels")),
            ),
        )
    follow(subject, execution.id)
