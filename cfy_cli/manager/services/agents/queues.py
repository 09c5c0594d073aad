"""Queues of agents at the broker, which end with their agents."""

import threading

from sqlalchemy import select

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import Agent, Deployment
from cfy_cli.manager.store.store import Store


def delete_with_deployment(app: AppContext, store: Store, deployment: Deployment) -> None:
    """Delete the queues of the agents of a deployment that is deleted, once it is.

    Nothing waits for that. A queue that an agent declares again before it ends is deleted by the broker itself.
    """
    if not app.settings.broker:
        return
    statement = select(Agent.queue).where(Agent.deployment_storage_id == deployment.storage_id)
    queues = store.unscoped.scalars(statement).all()  # of a deployment in scope
    if queues:
        from cfy_cli.manager.engine.broker.asking import delete_queues

        given = app.settings.broker, app.settings.broker_ca_certificate, queues
        store.after_commit(threading.Thread(target=delete_queues, args=given, name="queues", daemon=True).start)
