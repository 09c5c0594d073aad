"""Keys that several processes may want to make at the same time."""

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cfy_cli.manager.services.identity.key_files import key_in


def test_all_who_make_a_key_at_once_have_the_same(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            path = tmp_path / f"{number}.key"
            keys = list(pool.map(lambda _, path=path: key_in(path, lambda: secrets.token_bytes(32)), range(8)))
            assert len(set(keys)) == 1, number
            assert len(keys[0]) == 32
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 20
