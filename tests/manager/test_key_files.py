"""Key files that several processes create at the same time."""

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cfy_cli.manager.services.encryption.key_files import load_or_create_key


def test_key_created_at_the_same_time_is_the_same(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        for index in range(20):
            path = tmp_path / f"{index}.key"
            keys = list(
                pool.map(lambda _, path=path: load_or_create_key(path, lambda: secrets.token_bytes(32)), range(8))
            )
            assert len(set(keys)) == 1, index
            assert len(keys[0]) == 32
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 20
