"""What the exit code of a command says; one table, printed in the man page and kept by a test."""

from cfy_cli.contract.states import ENDED, ExecutionState
from cfy_cli.errors import CfyError, ExecutionCancelled, ExecutionFailed, StillRunning

EXIT_CODES = (
    (0, "done"),
    (1, "the manager refused, or something went wrong"),
    (2, "the command line is wrong"),
    (3, "not found"),
    (4, "not allowed, or not logged in"),
    (5, "an execution failed"),
    (6, "an execution was cancelled"),
    (7, "we stopped waiting; the execution still runs"),
    (8, "a preview found changes"),
    (9, "no manager answered"),
    (130, "interrupted"),
    (141, "the reader of our output went away"),
)
INTERRUPTED = 130
CLOSED_PIPE = 141

_ENDINGS: dict[str, type[CfyError]] = {
    ExecutionState.FAILED: ExecutionFailed,
    ExecutionState.CANCELLED: ExecutionCancelled,
}

_ON_THE_WAY = (ExecutionState.SCHEDULED, ExecutionState.QUEUED, ExecutionState.PENDING, ExecutionState.STARTED)


def is_ended(state: str) -> bool:
    return state in ENDED


def has_reached(state: str, wanted: str) -> bool:
    """Whether it is in the state, or has gone through it on the way to its good end."""
    if wanted in ENDED:
        return state == wanted
    return state == ExecutionState.TERMINATED or (state not in ENDED and _order(state) >= _order(wanted))


def _order(state: str) -> int:
    return _ON_THE_WAY.index(state) if state in _ON_THE_WAY else len(_ON_THE_WAY)


def error_for_state(state: str) -> type[CfyError] | None:
    """The error that tells of this state; None when the work was done."""
    if state == ExecutionState.TERMINATED:
        return None
    return _ENDINGS.get(state, StillRunning)


def exit_code_of(state: str) -> int:
    kind = error_for_state(state)
    return kind.exit_code if kind else 0
