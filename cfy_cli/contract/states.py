"""The states things pass through, as the wire spells them."""

from enum import StrEnum


class ExecutionState(StrEnum):
    PENDING = "pending"  # accepted, no worker has it yet
    SCHEDULED = "scheduled"  # waits for its time
    QUEUED = "queued"  # waits for others to end
    STARTED = "started"
    CANCELLING = "cancelling"  # asked to stop after what runs now
    FORCE_CANCELLING = "force_cancelling"  # asked to stop without waiting
    KILL_CANCELLING = "kill_cancelling"  # asked to stop and to end the processes it started
    TERMINATED = "terminated"  # done: shown as "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({ExecutionState.TERMINATED, ExecutionState.FAILED, ExecutionState.CANCELLED})
STOPPING = frozenset({ExecutionState.CANCELLING, ExecutionState.FORCE_CANCELLING, ExecutionState.KILL_CANCELLING})
RUNNING = frozenset({ExecutionState.PENDING, ExecutionState.STARTED, *STOPPING})
DISPLAYED_AS = {ExecutionState.TERMINATED: "completed"}


class InstanceState(StrEnum):
    """Where a node instance stands in its lifecycle."""

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


class Visibility(StrEnum):
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"


SYSTEM_WORKFLOWS = frozenset({"upload_blueprint", "create_deployment_environment", "delete_deployment_environment"})
