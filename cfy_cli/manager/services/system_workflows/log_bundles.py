"""Creation of log bundles: the request, and the execution that it starts."""

from sqlalchemy import select

from cfy_cli.contract.states import ArchiveState, Visibility
from cfy_cli.manager.services.archive_rows import ARCHIVE
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.executions import exclusive_workflows
from cfy_cli.manager.services.identity.execution_user import set_user
from cfy_cli.manager.services.log_bundles.content import write_bundle
from cfy_cli.manager.services.runtime.execution_context import ExecutionContext
from cfy_cli.manager.store.models import Execution, LogBundle
from cfy_cli.manager.store.store import Store

WORKFLOW = "create_log_bundle"


def start(app: AppContext, store: Store, bundle_id: str, *, queue: bool) -> Execution:
    """Start an execution that creates a log bundle. Raises Conflict for a taken id, and Invalid while others run."""
    bundle = store.add(LogBundle(id=bundle_id, visibility=Visibility.PRIVATE))
    execution = exclusive_workflows.start(store, WORKFLOW, {"log_bundle_id": bundle_id}, queue=queue)
    set_user(store, execution)
    bundle.execution_id = execution.id
    store.after_commit(app.work_available.notify)
    return execution


def create_log_bundle(context: ExecutionContext) -> None:
    """Store the archive together with the status of the bundle."""
    context.check_start()
    own = select(LogBundle).where(LogBundle.execution_id == context.execution.id)
    with context.app.files.open_temporary() as (file, path):
        names = write_bundle(context.app, file)
        file.flush()
        context.app.files.storage.prepare(path)
        with context.writing_own_rows() as store:
            bundle = store.unscoped.scalar(own)  # of this execution
            if bundle is not None and bundle.status == ArchiveState.CREATING:
                store.add_files(bundle, {ARCHIVE: path})
                bundle.status = ArchiveState.CREATED
    context.log(f"The log bundle holds {', '.join(names)}")
