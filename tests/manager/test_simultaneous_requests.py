"""Each operation of the API, sent by several clients at the same time."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import Ask
from tests.manager.every_operation import Options, tell_story

CLIENTS = 3
RESTORE = "A snapshot is being restored"  # answered 503 by design, to who comes while the first restore runs


@pytest.mark.usefixtures("worker")
def test_operations_sent_at_once_fail_for_a_reason(ask: Ask) -> None:
    faults = []

    def send(method: str, template: str, path: str, options: Options) -> requests.Response:
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [
                answer.result() for answer in [pool.submit(ask, method, path, **options) for _ in range(CLIENTS)]
            ]
        failed = [answer for answer in answers if answer.status_code >= 500 and RESTORE not in answer.text]
        faults.extend(f"{method} {path}: {answer.text}" for answer in failed)
        return min(answers, key=lambda answer: answer.status_code)

    tell_story(ask, send)
    assert faults == []
