"""Every failure we mean to show a user; both halves raise these, and the wire carries them from one to the other.

* CfyError                  exit 1   HTTP 400
  - Usage                   exit 2            the command line itself is wrong
  - Invalid                 exit 1   HTTP 400 the request is understood and refused
  - Unauthorized            exit 4   HTTP 401
  - Forbidden               exit 4   HTTP 403
  - NotFound                exit 3   HTTP 404
  - Conflict                exit 1   HTTP 409
  - TooLarge                exit 1   HTTP 413
  - Failed                  exit 1   HTTP 500 the manager's own fault
  - Busy                    exit 1   HTTP 503 try again in a moment
  - Unreachable             exit 9            no manager answered
  - ExecutionFailed         exit 5
  - ExecutionCancelled      exit 6
  - StillRunning            exit 7            we stopped waiting, it goes on
"""


class CfyError(Exception):
    """A sentence for the user, what to do about it (`hint`), and the wire's `error_code`."""

    exit_code = 1
    status = 400
    code = "bad_parameters_error"

    def __init__(self, message: str, *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.code
        self.request_id: str | None = None


class Usage(CfyError):
    exit_code = 2
    code = "usage_error"


class Invalid(CfyError): ...


class Unauthorized(CfyError):
    exit_code = 4
    status = 401
    code = "unauthorized_error"


class Forbidden(CfyError):
    exit_code = 4
    status = 403
    code = "forbidden_error"


class NotFound(CfyError):
    exit_code = 3
    status = 404
    code = "not_found_error"


class Conflict(CfyError):
    status = 409
    code = "conflict_error"


class TooLarge(CfyError):
    status = 413
    code = "too_large_error"


class Failed(CfyError):
    status = 500
    code = "internal_server_error"


class Busy(CfyError):
    status = 503
    code = "service_unavailable_error"


class Unreachable(CfyError):
    exit_code = 9
    code = "unreachable_error"


class ExecutionFailed(CfyError):
    exit_code = 5
    code = "execution_failed"


class ExecutionCancelled(CfyError):
    exit_code = 6
    code = "execution_cancelled"


class StillRunning(CfyError):
    exit_code = 7
    code = "still_running"


BY_STATUS: dict[int, type[CfyError]] = {
    kind.status: kind for kind in (Invalid, Unauthorized, Forbidden, NotFound, Conflict, TooLarge, Failed, Busy)
}
