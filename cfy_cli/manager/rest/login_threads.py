"""Threads that verify passwords: apart from those of other requests, because it takes long, and takes memory."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from cfy_cli.contract.limits import Limits, raise_hint
from cfy_cli.errors import Busy
from cfy_cli.manager.services.identity.passwords import MAX_CONCURRENT

T = TypeVar("T")
_LIMITERS: RunVar[tuple[CapacityLimiter, CapacityLimiter]] = RunVar("limits of passwords that are verified")


async def run_in_login_thread(limits: Limits, verify: Callable[[], T], *, is_first_administrator: bool = False) -> T:
    """Call a function that verifies a password. Raises Busy when too many are waiting for that.

    The first administrator does not wait for others, whose passwords a directory may verify slowly.
    """
    try:
        limiters = _LIMITERS.get()
    except LookupError:
        _LIMITERS.set(limiters := (CapacityLimiter(MAX_CONCURRENT), CapacityLimiter(MAX_CONCURRENT)))
    limiter = limiters[is_first_administrator]
    if limiter.statistics().tasks_waiting >= limits.waiting_logins:
        raise Busy(
            f"Too many passwords are being verified: {limits.waiting_logins} are waiting",
            hint=f"Try again in a moment, or log in with a token. {raise_hint('waiting_logins')}",
        )
    return await to_thread.run_sync(verify, limiter=limiter)
