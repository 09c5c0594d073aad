"""The labels of deployments, with all that follows from them in the deployments they name."""

from collections.abc import Iterable

from cfy_cli.manager.services import labels
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.labels import CONSUMER, PARENT, Pair
from cfy_cli.manager.store.models import Deployment, DeploymentLabel
from cfy_cli.manager.store.store import Store


def set_labels(store: Store, deployment: Deployment, wanted: Iterable[Pair]) -> None:
    """Leave exactly these, and those that the manager alone sets. Raises as family.check_parents does."""
    own = [(key, value) for key, value in wanted if key != CONSUMER]
    told = [(label.key, label.value) for label in deployment.labels if label.key == CONSUMER]
    present = {label.value for label in deployment.labels if label.key == PARENT}
    named = list(dict.fromkeys(value for key, value in own if key == PARENT))
    before = tree.parents(store.unscoped, deployment) if present else []
    if named:
        tree.check_parents(store, deployment, [name for name in named if name not in present])
    labels.replace(deployment.labels, DeploymentLabel, [*own, *told], store.scope.user)
    store.flush()
    after = tree.parents(store.unscoped, deployment) if named else []
    _tell(store, [*before, *after])


def remove(store: Store, deployment: Deployment) -> None:
    """Delete a deployment and what the others said of it."""
    above = tree.parents(store.unscoped, deployment)
    used = [row.target_storage_id for row in store.unscoped.scalars(dependencies.of_source(deployment))]
    store.delete(deployment)
    _tell(store, above)
    for number in set(used) - {None, *(parent.storage_id for parent in above)}:
        dependencies.tell_consumers(store, store.unscoped.get_one(Deployment, number))


def _tell(store: Store, parents: Iterable[Deployment]) -> None:
    different = {parent.storage_id: parent for parent in parents}
    for parent in different.values():
        dependencies.tell_consumers(store, parent)
    tree.refresh(store.unscoped, different.values())
