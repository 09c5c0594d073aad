"""Checks before deployments are deleted: executions that run, others that depend on them, and live nodes.

All deployments of a request are checked with the same few queries, however many they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cfy_cli.errors import ErrorCode, Invalid
from cfy_cli.manager.services.deployments import dependencies, tree
from cfy_cli.manager.services.deployments.deployments import find_live_instances
from cfy_cli.manager.services.executions import executions
from cfy_cli.manager.store.models import Deployment
from cfy_cli.manager.store.store import Store


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deployment to delete; `creator` is that of a dependency which requests it itself, and does not block it."""

    deployment: Deployment
    creator: str | None = None


def find_refusals(
    store: Store, deletions: Sequence[Deletion], *, force: bool, recursive: bool
) -> Sequence[Invalid | None]:
    """Return why each deployment, or one inside it if `recursive`, cannot be deleted; None for those that can."""
    if not deletions:
        return []
    deployments = [each.deployment for each in deletions]
    storage_ids = [each.storage_id for each in deployments]
    busy = executions.find_running_ids(store, storage_ids)
    refusals = [_refuse_busy(each, busy.get(each.storage_id, ())) for each in deployments]
    if force:
        return refusals
    # Those that the user may not see prevent the deletion too.
    children = tree.find_children_of_all(store.unscoped, storage_ids)
    blocking = dependencies.find_blocking(store, storage_ids)
    live = find_live_instances(store, storage_ids)
    for position, each in enumerate(deletions):
        own = each.deployment.storage_id
        refusals[position] = (
            refusals[position]
            or dependencies.refuse_deletion(
                each.deployment, () if recursive else children.get(own, ()), blocking.get(own, ()), each.creator
            )
            or _refuse_live(each.deployment, live.get(own, ()))
        )
    return _add_refusals_inside(store, deletions, refusals, children) if recursive else refusals


def _add_refusals_inside(
    store: Store,
    deletions: Sequence[Deletion],
    refusals: Sequence[Invalid | None],
    children: dict[int, list[Deployment]],
) -> Sequence[Invalid | None]:
    """Return the refusals, with those of deployments inside for the ones that have none."""
    pairs = [
        (position, each.deployment.storage_id, child)
        for position, each in enumerate(deletions)
        if refusals[position] is None
        for child in children.get(each.deployment.storage_id, ())
    ]
    creators = dependencies.find_creators(store, {parent for _, parent, _ in pairs})
    inside = [Deletion(child, creators.get((parent, child.storage_id))) for _, parent, child in pairs]
    found = list(refusals)
    of_children = find_refusals(store, inside, force=False, recursive=True)
    for (position, _, _), refusal in zip(pairs, of_children, strict=True):
        found[position] = found[position] or refusal
    return found


def _refuse_busy(deployment: Deployment, execution_ids: Sequence[str]) -> Invalid | None:
    if not execution_ids:
        return None
    return Invalid(
        f"Can't delete deployment {deployment.id} - There are running or queued executions for this deployment. "
        f"Running executions ids: {','.join(execution_ids)}",
        code=ErrorCode.DEPENDENT_EXISTS,
    )


def _refuse_live(deployment: Deployment, instance_ids: Sequence[str]) -> Invalid | None:
    if not instance_ids:
        return None
    return Invalid(
        f"Can't delete deployment {deployment.id} - There are live nodes for this deployment. "
        f"Live nodes ids: {','.join(instance_ids)}",
        hint=f"Run `cfy executions start uninstall -d {deployment.id}` first, or force the deletion.",
        code=ErrorCode.DEPENDENT_EXISTS,
    )
