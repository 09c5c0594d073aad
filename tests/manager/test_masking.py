"""Masking of secrets that operations use at the same time."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from cfy_cli.manager.engine.masking import MASK, Masking


@pytest.fixture
def short_switch_interval():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("short_switch_interval")
def test_secrets_added_at_the_same_time_are_all_masked():
    masking, secrets = Masking(), [f"secret-{number:04}" for number in range(400)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(masking.add_secret, secrets))
    assert masking.mask(secrets) == [MASK] * len(secrets)
