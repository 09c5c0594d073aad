"""Search for what a request has created whose answer was lost, because its server ended while the request waited."""

import time
from email.utils import parsedate_to_datetime

from cfy_cli.client.collection import Item
from cfy_cli.client.http import TRANSIENT, Answer
from cfy_cli.contract.timestamps import parse_timestamp
from cfy_cli.errors import AnswerLost, CfyError, Unreachable
from cfy_cli.shell.app import App

LOOK_TIMEOUT = 30.0  # seconds for a server to start again, or for a load balancer to find another one
LOOK_INTERVAL = 0.5  # seconds
TOLERANCE = 2.0  # seconds by which clocks of servers may differ
OF_PROXIES = (502, 504)  # statuses with which a proxy says that its server did not answer


def find_created(app: App, path: str, error: CfyError, started_at: float) -> Item | None:
    """Return what was created at a path since a monotonic time; None when the error is of another kind.

    An older item is not that of the request, which has then failed.
    """
    if not (isinstance(error, AnswerLost) or error.status in OF_PROXIES):
        return None
    while time.monotonic() < started_at + LOOK_TIMEOUT:
        try:
            response = app.client.http.send("GET", path)
        except Unreachable:
            time.sleep(LOOK_INTERVAL)
            continue
        if response.status_code in TRANSIENT:
            time.sleep(LOOK_INTERVAL)
            continue
        if not response.ok:
            return None
        item = Answer(response.json())
        present = (
            parsedate_to_datetime(response.headers["Date"]).timestamp() if "Date" in response.headers else time.time()
        )
        age = present - parse_timestamp(item["created_at"]).timestamp()
        return item if age <= time.monotonic() - started_at + TOLERANCE else None
    return None
