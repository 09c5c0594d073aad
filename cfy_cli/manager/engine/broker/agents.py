"""Operations that are sent to agents: finding the agent, and noticing that it is gone."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from cfy_cli.contract.json import Json
from cfy_cli.errors import CfyError
from cfy_cli.manager.engine.agents import AgentHost, AgentRoute, find_route, gone, report_wait
from cfy_cli.manager.engine.executor import outcome_of
from cfy_cli.manager.engine.ports import OutcomeCallback, Records
from cfy_cli.manager.engine.tasks import Attempt, Outcome, non_recoverable

WATCH_INTERVAL = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class _Watched:
    attempt: Attempt
    host_id: str
    report: OutcomeCallback


class WatchedAgents:
    """The agents that run operations of one execution. `forget` ends the wait for an operation whose agent is gone."""

    def __init__(self, records: Records, forget: Callable[[str], None]) -> None:
        self._records, self._forget = records, forget
        self._watched: dict[str, _Watched] = {}  # by operation
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def route(self, attempt: Attempt, operation_id: str, *, holds_secret: bool) -> AgentRoute | Outcome | None:
        """Return the agent of an operation, None when it runs with the manager, or the failure to find the agent."""
        found: list[AgentRoute | None] = []

        def find() -> Json:
            route = find_route(self._records, attempt.operation)
            if route is not None and holds_secret:
                raise non_recoverable(
                    "An input holds the value of a secret, which must not lie at the broker: give it {get_secret: NAME}"
                )
            if route is not None:
                cast(AgentHost, self._records).assign_agent(operation_id, route.name)
            found.append(route)
            return None

        outcome = outcome_of(attempt, find)
        return outcome if outcome.failure is not None else found[0]

    def watch(self, attempt: Attempt, operation_id: str, route: AgentRoute, report: OutcomeCallback) -> None:
        with self._lock:
            self._watched[operation_id] = _Watched(attempt, route.host_id, report)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agents", daemon=True)
                self._thread.start()

    def unwatch(self, operation_id: str) -> None:
        with self._lock:
            self._watched.pop(operation_id, None)

    def close(self) -> None:
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(WATCH_INTERVAL):
            with self._lock:
                watched = dict(self._watched)
            for operation_id, each in watched.items():
                try:
                    route = cast(AgentHost, self._records).find_agent(each.host_id)
                except CfyError:
                    continue  # the database is asked again
                if route is None or route.is_gone:
                    self._fail(operation_id, each, route)

    def _fail(self, operation_id: str, watched: _Watched, route: AgentRoute | None) -> None:
        with self._lock:
            if self._watched.pop(operation_id, None) is None:
                return
        self._forget(operation_id)
        if route is not None:
            report_wait(self._records, watched.attempt.operation, route)
        watched.report(Outcome(watched.attempt, failure=gone(route)))
