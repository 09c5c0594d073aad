"""States of resources."""


class VisibilityState:
    PRIVATE = "private"
    TENANT = "tenant"
    GLOBAL = "global"
    STATES = (PRIVATE, TENANT, GLOBAL)


class ExecutionState:
    TERMINATED = "terminated"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PENDING = "pending"
    STARTED = "started"
    CANCELLING = "cancelling"
    FORCE_CANCELLING = "force_cancelling"
    KILL_CANCELLING = "kill_cancelling"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    END_STATES = (TERMINATED, FAILED, CANCELLED)
    IN_PROGRESS_STATES = ACTIVE_STATES = (PENDING, STARTED, CANCELLING, FORCE_CANCELLING, KILL_CANCELLING)
    WAITING_STATES = (SCHEDULED, QUEUED)
    QUEUED_STATE = (QUEUED,)
    STATES = (*END_STATES, *IN_PROGRESS_STATES, QUEUED, SCHEDULED)


class DeploymentState:
    ACTIVE = "active"
    INACTIVE = "inactive"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    GOOD = "good"
    REQUIRE_ATTENTION = "requires_attention"
    EXECUTION_STATES_SUMMARY = {
        ExecutionState.TERMINATED: COMPLETED,
        ExecutionState.FAILED: FAILED,
        ExecutionState.CANCELLED: CANCELLED,
        ExecutionState.PENDING: IN_PROGRESS,
        ExecutionState.STARTED: IN_PROGRESS,
        ExecutionState.CANCELLING: IN_PROGRESS,
        ExecutionState.FORCE_CANCELLING: IN_PROGRESS,
        ExecutionState.KILL_CANCELLING: IN_PROGRESS,
        ExecutionState.QUEUED: IN_PROGRESS,
    }


class DeploymentModificationState:
    STARTED = "started"
    FINISHED = "finished"
    ROLLEDBACK = "rolledback"
    END_STATES = (FINISHED, ROLLEDBACK)
    STATES = (STARTED, *END_STATES)


class BlueprintUploadState:
    PENDING = "pending"
    VALIDATING = "validating"
    UPLOADING = "uploading"
    EXTRACTING = "extracting"
    PARSING = "parsing"
    UPLOADED = "uploaded"
    FAILED_UPLOADING = "failed_uploading"
    FAILED_EXTRACTING = "failed_extracting"
    FAILED_PARSING = "failed_parsing"
    FAILED_EXTRACTING_TO_FILE_SERVER = "failed_extracting_to_file_server"
    INVALID = "invalid"
    FAILED_STATES = (
        FAILED_UPLOADING,
        FAILED_EXTRACTING,
        FAILED_PARSING,
        FAILED_EXTRACTING_TO_FILE_SERVER,
        INVALID,
    )
    END_STATES = (*FAILED_STATES, UPLOADED)
    STATES = (*END_STATES, PENDING, UPLOADING, EXTRACTING, PARSING)


class PluginInstallationState:
    PENDING = "pending-install"
    INSTALLING = "installing"
    INSTALLED = "installed"
    ERROR = "error"
    PENDING_UNINSTALL = "pending-uninstall"
    UNINSTALLING = "uninstalling"
    UNINSTALLED = "uninstalled"


class SnapshotState:
    CREATED = "created"
    FAILED = "failed"
    CREATING = "creating"
    UPLOADED = "uploaded"
    END_STATES = (CREATED, FAILED, UPLOADED)
    STATES = (CREATED, FAILED, CREATING, UPLOADED)


LogBundleState = SnapshotState


class AgentState:
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
    RESTARTING = "restarting"
    RESTARTED = "restarted"
    RESTORED = "restored"
    UPGRADING = "upgrading"
    UPGRADED = "upgraded"
    NONRESPONSIVE = "nonresponsive"
    FAILED = "failed"
    STATES = (
        CREATING, CREATED, CONFIGURING, CONFIGURED, STARTING, STARTED, STOPPING, STOPPED, DELETING, DELETED,
        RESTARTING, RESTARTED, UPGRADING, UPGRADED, FAILED, NONRESPONSIVE, RESTORED,
    )  # fmt: skip
