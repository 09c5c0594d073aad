"""The cache of a machine: bounded, and safe against several processes and their kills."""

import multiprocessing
import os
import signal
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from cfy_cli.manager.file_cache import FileCache

SIZE = 64 * 1024


def fill(cache: FileCache, storage_id: int) -> Path:
    with cache.use(("blueprints", storage_id)) as folder:
        (folder / "content").write_bytes(b"x" * SIZE)
        cache.add_size(("blueprints", storage_id))
    os.utime(folder.with_name(f"{storage_id}.lock"), (storage_id, storage_id))
    return folder


def test_longest_unused_folders_are_removed(tmp_path: Path):
    cache = FileCache(tmp_path, 4 * SIZE)
    folders = [fill(cache, storage_id) for storage_id in range(1, 4)]
    with cache.use(("blueprints", 1)):  # the first is used again
        pass
    folders += [fill(FileCache(tmp_path, 4 * SIZE), storage_id) for storage_id in (4, 5)]
    assert [folder.name for folder in folders if folder.exists()] == ["1", "3", "4", "5"]
    assert sorted(cache.storage_ids("blueprints")) == [1, 3, 4, 5]
    assert list((tmp_path / "removed").iterdir()) == []


def test_folder_in_use_stays_until_it_is_not(tmp_path: Path):
    cache, other = FileCache(tmp_path, SIZE), FileCache(tmp_path, SIZE)
    key = ("blueprints", 1)
    folder = fill(cache, 1)
    with ExitStack() as first, cache.use(key):
        first.enter_context(cache.use(key))
        fill(other, 2)
        other.trim()
        other.remove([key])
        assert folder.exists()
        first.close()
        assert folder.exists()
    assert not folder.exists()
    with cache.use(key) as again:
        assert list(again.iterdir()) == []


def hold(folder: Path, is_held: Event) -> None:
    with FileCache(folder, SIZE).use(("blueprints", 1)):
        is_held.set()
        signal.pause()


@pytest.mark.process
def test_folder_of_a_killed_process_is_not_in_use(tmp_path: Path):
    cache, context = FileCache(tmp_path, SIZE), multiprocessing.get_context("spawn")
    folder, is_held = fill(cache, 1), context.Event()
    process = context.Process(target=hold, args=(tmp_path, is_held))
    process.start()
    assert is_held.wait(60)
    cache.remove([("blueprints", 1)])
    assert folder.exists()
    process.kill()
    process.join()
    cache.remove([("blueprints", 1)])
    assert not folder.exists()
    (tmp_path / "removed" / "interrupted").mkdir(parents=True)
    cache.clear_removed()
    assert not (tmp_path / "removed").exists()
