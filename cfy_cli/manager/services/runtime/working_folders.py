"""The working folder of a deployment, in which its scripts run.

It is on the machine that runs an execution. Where machines share a storage, it is stored there after an operation that
changed it, before the journal tells that the operation succeeded: another machine that goes on has what it needs.
Operations of several processes of a machine may be in one folder; it is not replaced while one of them is.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cfy_cli.contract.limits import active_limits, format_limit
from cfy_cli.manager.engine.operation_user import acting_as, give
from cfy_cli.manager.failures import telling_full_disk
from cfy_cli.manager.locks import FileLock
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.files import DEPLOYMENTS
from cfy_cli.manager.store.packed_folders import PACKED, describe, pack, unpack


class WorkingFolder:
    def __init__(self, app: AppContext, storage_id: int, warn: Callable[[str], None] = lambda _: None) -> None:
        """Use the folder of the deployment with a storage id; `warn` is told when it cannot be shared."""
        self._app, self._files, self._key = app, app.files, (DEPLOYMENTS, storage_id)
        self._warn = warn
        self.path = app.files.deployment_folder(storage_id)
        self._version_file = self.path.with_name(f"{storage_id}.version")  # the tag of what is stored
        self._lock_file = self.path.with_name(f"{storage_id}.lock")  # shared by those who use the folder
        self._store_lock_file = self.path.with_name(f"{storage_id}.store.lock")
        self._stored = frozenset[tuple[str, int, int]]()

    def fetch(self) -> Path:
        """Return the folder as it was stored last, by whichever machine, unless it is in use here."""
        with self.use() as path:
            return path

    @contextmanager
    def use(self) -> Iterator[Path]:
        """Yield the folder as `fetch` returns it; no process of this machine replaces it until the block ends.

        Raises Busy when the disk is full.
        """
        with ExitStack() as stack:
            with telling_full_disk():
                self._enter(stack)
            yield self.path

    def _enter(self, stack: ExitStack) -> None:
        if not self._files.is_shared:  # then nobody replaces it
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits while another process fetches it
            self._take_as_stored()
        else:
            self._fetch()
            fcntl.flock(descriptor, fcntl.LOCK_SH)

    def _fetch(self) -> None:
        stored = self._files.storage.find(self._key, PACKED)
        if stored and not (self._version_file.exists() and self._version_file.read_text() == stored.tag):
            self._replace()
            self._version_file.write_text(stored.tag)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stored:  # else one that a manager without a shared storage has left is stored
            self._take_as_stored()

    def _take_as_stored(self) -> None:
        """Store only what changes from now on, of a folder that somebody else stores too."""
        self._stored = describe(self.path)

    def store(self) -> None:
        """Store the folder if it has changed. Raises CfyError when the storage cannot be used or a disk is full."""
        if not self._files.is_shared:
            return
        with telling_full_disk(), FileLock(self._store_lock_file):  # what is stored last has the changes of all
            present = describe(self.path)
            if present == self._stored:
                return
            with self._files.open_temporary() as (file, path):
                with acting_as(self._app.operation_user):
                    pack(self.path, file)
                file.flush()
                limit = active_limits().working_folder
                if file.tell() <= limit:
                    self._files.storage.put(self._key, {PACKED: path})
                else:
                    size = format_limit("working_folder", limit)
                    self._warn(
                        f"The working folder is larger than {size}, so other machines do not get what it holds now"
                    )
            stored = self._files.storage.find(self._key, PACKED)
            self._version_file.write_text(stored.tag if stored else "")
            self._stored = present

    def _replace(self) -> None:
        staged = self._files.new_staging_folder()
        user = self._app.operation_user
        try:
            new = staged / "new"
            new.mkdir(mode=0o700)
            give(new, user)
            with self._files.local_copy(self._key, PACKED) as packed, packed.open("rb") as file, acting_as(user):
                unpack(file, new)
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.exists():
                self.path.rename(staged / "former")
            shutil.move(new, self.path)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
