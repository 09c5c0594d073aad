"""Every failure we mean to show a user; both halves raise these, and the wire carries them from one to the other.

* CfyError                  exit 1   HTTP 400
  - Usage                   exit 2            the command line itself is wrong
  - Invalid                 exit 1   HTTP 400 the request is understood and refused
  - Unauthorized            exit 4   HTTP 401
  - Forbidden               exit 4   HTTP 403
  - NotFound                exit 3   HTTP 404
  - Conflict                exit 1   HTTP 409
  - TooLarge                exit 1   HTTP 413
  - Unprocessable           exit 1   HTTP 422 the same as Invalid, for clients that expect this status
  - Misdirected             exit 1   HTTP 421 the Host header names another server
  - Failed                  exit 1   HTTP 500 the manager's own fault
  - Unavailable             exit 1   HTTP 503 the disk, the database or a key cannot be used
    - Busy                                    try again in a moment
  - Unreachable             exit 9            no manager answered
  - ExecutionFailed         exit 5
  - ExecutionCancelled      exit 6
  - StillRunning            exit 7            we stopped waiting, it goes on
"""

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """`error_code` of the API, and `error.code` of a command line under --json. Other managers answer others too."""

    AMBIGUOUS_NAME = "ambiguous_name"
    BAD_PARAMETERS = "bad_parameters_error"
    BLUEPRINT_IN_USE = "blueprint_in_use"
    CONFLICT = "conflict_error"
    DEPENDENT_EXISTS = "dependent_exists_error"
    DEPLOYMENT_CREATION = "deployment_creation_error"
    DEPLOYMENT_ENVIRONMENT_CREATION_IN_PROGRESS = "deployment_environment_creation_in_progress_error"
    DEPLOYMENT_ENVIRONMENT_CREATION_PENDING = "deployment_environment_creation_pending_error"
    DEPLOYMENT_PARENT_NOT_FOUND = "deployment_parent_not_found_error"
    DEPLOYMENT_PLUGIN_NOT_FOUND = "deployment_plugin_not_found"
    DEPLOYMENT_MODIFICATION_ALREADY_ENDED = "deployment_modification_already_ended_error"
    DURATION_TOO_LONG = "duration_too_long"
    EXECUTION_CANCELLED = "execution_cancelled"
    EXECUTION_FAILED = "execution_failed"
    EXISTING_RUNNING_EXECUTION = "existing_running_execution_error"
    EXISTING_STARTED_DEPLOYMENT_MODIFICATION = "existing_started_deployment_modification_error"
    FORBIDDEN = "forbidden_error"
    FUNCTIONS_EVALUATION = "functions_evaluation_error"
    ENTERING_MAINTENANCE_MODE = "entering_maintenance_mode"
    ILLEGAL_ACTION = "illegal_action_error"
    ILLEGAL_EXECUTION_PARAMETERS = "illegal_execution_parameters_error"
    INTERNAL_SERVER = "internal_server_error"
    INTERRUPTED = "interrupted"
    INVALID_FILTER_RULE = "invalid_filter_rule"
    INVALID_BLUEPRINT = "invalid_blueprint_error"
    INVALID_EXCEPTION_STATUS_UPDATE = "invalid_exception_status_update"
    MAINTENANCE_MODE_ACTIVE = "maintenance_mode_active"
    METHOD_NOT_ALLOWED = "method_not_allowed_error"
    MISDIRECTED = "misdirected_request_error"
    MISSING_REQUIRED_DEPLOYMENT_INPUT = "missing_required_deployment_input_error"
    NONEXISTENT_WORKFLOW = "nonexistent_workflow_error"
    NOT_FOUND = "not_found_error"
    NO_SUCH_INCLUDE_FIELD = "no_such_include_field_error"
    PLUGIN_IN_USE = "plugin_in_use"
    SECRETS_PROVIDER = "secrets_provider_error"
    SERVICE_UNAVAILABLE = "service_unavailable_error"
    STILL_RUNNING = "still_running"
    TOO_LARGE = "too_large_error"
    UNAUTHORIZED = "unauthorized_error"
    UNAVAILABLE_WORKFLOW = "unavailable_workflow_error"
    UNEXPECTED = "unexpected_error"
    UNHEALTHY = "unhealthy"
    UNKNOWN_DEPLOYMENT_INPUT = "unknown_deployment_input_error"
    UNKNOWN_DEPLOYMENT_SECRET = "unknown_deployment_secret_error"  # noqa: S105
    UNREACHABLE = "unreachable_error"
    USAGE = "usage_error"


class CfyError(Exception):
    """A sentence for the user, what to do about it (`hint`), and the wire's `error_code`."""

    exit_code = 1
    status = 400
    code: str = ErrorCode.BAD_PARAMETERS
    retry_after: int | None = None  # seconds until a retry can succeed

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code
        self.request_id: str | None = None
        self.details: Mapping[str, object] = {}  # further fields of the answer


class Usage(CfyError):
    exit_code = 2
    code = ErrorCode.USAGE


class Invalid(CfyError): ...


class InvalidRule(Invalid):
    """A filter rule that is not well-formed, with the reason."""

    code = ErrorCode.INVALID_FILTER_RULE

    def __init__(self, rule: object, reason: str) -> None:
        super().__init__(f"The filter rule {rule} is not in the right format. {reason}")
        self.details = {"err_filter_rule": rule, "err_reason": reason}


class Unauthorized(CfyError):
    exit_code = 4
    status = 401
    code = ErrorCode.UNAUTHORIZED


class Forbidden(CfyError):
    exit_code = 4
    status = 403
    code = ErrorCode.FORBIDDEN


class NotFound(CfyError):
    exit_code = 3
    status = 404
    code = ErrorCode.NOT_FOUND


class Conflict(CfyError):
    status = 409
    code = ErrorCode.CONFLICT


class TooLarge(CfyError):
    status = 413
    code = ErrorCode.TOO_LARGE


class Unprocessable(CfyError):
    status = 422


class Misdirected(CfyError):
    status = 421
    code = ErrorCode.MISDIRECTED


class Failed(CfyError):
    status = 500
    code = ErrorCode.INTERNAL_SERVER


class Unavailable(CfyError):
    status = 503
    code = ErrorCode.SERVICE_UNAVAILABLE
    retry_after = 1


class Busy(Unavailable): ...


class Unreachable(CfyError):
    exit_code = 9
    code = ErrorCode.UNREACHABLE


class AnswerLost(Unreachable):
    """The connection ended after the request was sent, so the server may have done what it asks for."""


class ExecutionFailed(CfyError):
    exit_code = 5
    code = ErrorCode.EXECUTION_FAILED


class ExecutionCancelled(CfyError):
    exit_code = 6
    code = ErrorCode.EXECUTION_CANCELLED


class StillRunning(CfyError):
    exit_code = 7
    code = ErrorCode.STILL_RUNNING


BY_STATUS: dict[int, type[CfyError]] = {
    kind.status: kind
    for kind in (
        Invalid,
        Unauthorized,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        Unprocessable,
        Misdirected,
        Failed,
        Busy,
    )
}
