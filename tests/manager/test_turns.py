"""Many requests at once: the manager says meanwhile that it works."""

import asyncio

import pytest
from starlette.types import Message

from cfy_cli.manager.rest.turns import MAX_BEGINNING
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext


@pytest.mark.sqlite
def test_health_is_answered_before_requests_that_wait(app: AppContext):
    api = create_app(app)
    answered: list[tuple[str, int]] = []

    async def ask(path: str) -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.append((path, message["status"]))

        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"localhost")], "scheme": "http", "server": ("localhost", 80), "client": ("1", 1),
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        await api(scope, receive, send)

    async def ask_all() -> None:
        waiting = [asyncio.create_task(ask("/api/v3.1/sites")) for _ in range(40 * MAX_BEGINNING)]
        gone = waiting[MAX_BEGINNING : 2 * MAX_BEGINNING]  # their clients do not wait for an answer
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        await ask("/health")
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(ask_all())
    assert answered.index(("/health", 200)) < 8 * MAX_BEGINNING
    assert answered.count(("/api/v3.1/sites", 401)) == 39 * MAX_BEGINNING
