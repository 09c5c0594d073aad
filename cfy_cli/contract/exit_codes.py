"""Exit codes of commands, and what the state of an execution means for them."""

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import CfyError, ExecutionCancelled, ExecutionFailed, StillRunning

# The table of the man page.
EXIT_CODES = (
    (0, "done"),
    (1, "the manager refused, or something went wrong"),
    (2, "the command line is wrong"),
    (3, "not found"),
    (4, "not allowed, or not logged in"),
    (5, "an execution failed"),
    (6, "an execution was cancelled"),
    (7, "cfy stopped waiting; the execution still runs"),
    (8, "a preview found changes"),
    (9, "no manager answered"),
    (130, "interrupted"),
    (141, "the reader of the output went away"),
)
INTERRUPTED = 130
CLOSED_PIPE = 141

_ERRORS: dict[str, type[CfyError]] = {
    ExecutionState.FAILED: ExecutionFailed,
    ExecutionState.CANCELLED: ExecutionCancelled,
}

_PROGRESS = (ExecutionState.SCHEDULED, ExecutionState.QUEUED, ExecutionState.PENDING, ExecutionState.STARTED)


def is_ended(state: str | None) -> bool:
    """Return whether executions have ended in a state; None is that of a group without executions."""
    return state is None or state in ENDED


def has_reached(state: str | None, target: str) -> bool:
    """Tell whether an execution is in the target state, or passed it on the way to a successful end."""
    if state is None:
        return True
    if target in ENDED:
        return state == target
    return state == ExecutionState.TERMINATED or (state not in ENDED and _rank(state) >= _rank(target))


def _rank(state: str) -> int:
    return _PROGRESS.index(state) if state in _PROGRESS else len(_PROGRESS)


def error_for_state(state: str | None) -> type[CfyError] | None:
    """Return the error to raise for an execution in this state; None when it succeeded."""
    if state in (None, ExecutionState.TERMINATED):
        return None
    return _ERRORS.get(str(state), StillRunning)
