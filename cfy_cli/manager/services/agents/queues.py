"""Queues of agents at the broker, which end with their agents."""

import threading
from collections.abc import Sequence

from sqlalchemy import select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Agent
from cfy_cli.manager.store.store import Store


def delete_with_deployments(app: AppContext, store: Store, storage_ids: Sequence[int]) -> None:
    """Delete the queues of the agents of deployments that are deleted, once they are.

    Nothing waits for that. A queue that an agent declares again before it ends is deleted by the broker itself.
    """
    if not app.settings.broker:
        return
    statement = select(Agent.queue).where(Agent.deployment_storage_id.in_(storage_ids))
    queues = store.unscoped.scalars(statement).all()  # of deployments in scope
    if queues:
        from cfy_cli.manager.engine.broker.asking import delete_queues

        given = app.settings.broker, app.settings.broker_ca_certificate, queues
        store.after_commit(threading.Thread(target=delete_queues, args=given, name="queues", daemon=True).start)
