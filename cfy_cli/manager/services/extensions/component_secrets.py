"""Secrets that nodes bring: made with the node, deleted with it."""

import json
from collections.abc import Mapping
from typing import Any

from cfy_cli.errors import Invalid
from cfy_cli.manager.services.extensions.subject import Subject
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.store.models import Secret

OURS = "_secrets"  # the runtime property that names those which the instance has made


def bring(subject: Subject, wanted: Mapping[str, Any]) -> None:
    """Make these secrets; those made when this was begun before stay. Raises Invalid when others have the names."""
    ours = set(subject.runtime.get(OURS) or ())
    with subject.reading() as store:
        there = {name for name in wanted if store.find(Secret, name) is not None}
    taken = sorted(there - ours)
    if taken:
        raise Invalid(f"There are secrets already with names that {subject.node_id} is to bring: {', '.join(taken)}")
    missing = [name for name in wanted if name not in there]
    if not missing:
        return
    subject.keep(**{OURS: sorted({*ours, *wanted})})  # first: what is made after it is known as ours
    for name in missing:
        value = wanted[name]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        subject.context.masking.add_secret(text)
        with subject.acting("secret_create") as store:
            secrets.create(subject.app, store, name, text)
        subject.say(f'Created the secret "{name}"')


def take_away(subject: Subject) -> None:
    """Delete the secrets that this instance has made."""
    for name in subject.runtime.get(OURS) or ():
        with subject.acting("secret_delete") as store:
            secret = store.find(Secret, name)
            if secret is not None and secret.tenant_name == store.scope.tenant:
                store.delete(secret)
                subject.say(f'Deleted the secret "{name}"')
    subject.keep(OURS)
