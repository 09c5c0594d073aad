"""States of executions, node instances and blueprints, and visibilities, as the API spells them."""

from enum import StrEnum


class ExecutionState(StrEnum):
    PENDING = "pending"  # accepted; no worker has claimed it yet
    SCHEDULED = "scheduled"  # waits for its start time
    QUEUED = "queued"  # waits for other executions to end
    STARTED = "started"
    CANCELLING = "cancelling"  # cancel: running operations may finish
    FORCE_CANCELLING = "force_cancelling"  # force-cancel: running operations are not waited for
    KILL_CANCELLING = "kill_cancelling"  # kill: running processes are ended
    TERMINATED = "terminated"  # succeeded; shown as "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({ExecutionState.TERMINATED, ExecutionState.FAILED, ExecutionState.CANCELLED})
STOPPING = frozenset({ExecutionState.CANCELLING, ExecutionState.FORCE_CANCELLING, ExecutionState.KILL_CANCELLING})
WAITING = frozenset({ExecutionState.PENDING, ExecutionState.SCHEDULED, ExecutionState.QUEUED})
RUNNING = frozenset({ExecutionState.PENDING, ExecutionState.STARTED, *STOPPING})
DISPLAYED_AS = {ExecutionState.TERMINATED: "completed"}


class InstanceState(StrEnum):
    """The state of a node instance in its lifecycle."""

    UNINITIALIZED = "uninitialized"
    INITIALIZING = "initializing"
    CREATING = "creating"
    CREATED = "created"
    CONFIGURING = "configuring"
    CONFIGURED = "configured"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETING = "deleting"
    DELETED = "deleted"


class InstancesActive(StrEnum):
    """The share of started instances of a deployment; `words` are those of availability rules."""

    ALL = "all"
    PARTIAL = "partial"  # some are started
    IDLE = "idle"  # none is started, and some are stopped or half installed
    NONE = "none"  # none is installed
    EMPTY = "empty"  # there are no instances

    @property
    def words(self) -> frozenset[str]:
        """Return `all` if nothing is missing, `none` if nothing is started, `partial` if only a part is installed."""
        return {
            InstancesActive.EMPTY: frozenset({"all", "none"}),
            InstancesActive.IDLE: frozenset({"none", "partial"}),
        }.get(self, frozenset({self.value}))


class BlueprintState(StrEnum):
    PENDING = "pending"
    UPLOADING = "uploading"
    EXTRACTING = "extracting"
    PARSING = "parsing"
    UPLOADED = "uploaded"
    INVALID = "invalid"
    FAILED_UPLOADING = "failed_uploading"
    FAILED_EXTRACTING = "failed_extracting"
    FAILED_PARSING = "failed_parsing"


UPLOADING_STATES = (BlueprintState.PENDING, BlueprintState.UPLOADING, BlueprintState.EXTRACTING, BlueprintState.PARSING)
FAILED_UPLOAD_STATES = (
    BlueprintState.INVALID,
    BlueprintState.FAILED_UPLOADING,
    BlueprintState.FAILED_EXTRACTING,
    BlueprintState.FAILED_PARSING,
)


class Visibility(StrEnum):
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"


class ArchiveState(StrEnum):
    """The state of a snapshot or a log bundle."""

    CREATING = "creating"
    CREATED = "created"
    FAILED = "failed"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"


class UpdateState(StrEnum):
    """The state of an update of a deployment."""

    UPDATING = "updating"  # what it changes is being found out and stored
    EXECUTING_WORKFLOW = "executing_workflow"  # node instances are installed, changed and removed
    FINALIZING = "finalizing"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    PREVIEW = "preview"  # it has only told what it would change


class PluginsUpdateState(StrEnum):
    """The state of an update of the plugins of a blueprint."""

    UPDATING = "updating"  # the new plan is being made
    EXECUTING_WORKFLOW = "executing_workflow"  # its deployments are updated
    FINALIZING = "finalizing"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    NO_CHANGES_REQUIRED = "no_changes_required"


SYSTEM_WORKFLOWS = frozenset(
    {
        "upload_blueprint",
        "create_deployment_environment",
        "delete_deployment_environment",
        "create_log_bundle",
        "create_snapshot",
        "restore_snapshot",
        "update_plugin",
    }
)
