"""The protocol of storages: files of rows by the kind of the row, its storage id and the name of the file."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

RowKey = tuple[str, int]  # the kind of a row, which is the name of a folder, and its storage id
Content = Path | bytes  # a file to take, or what to write


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A stored file as it is known without being read; `tag` differs from that of another content of its name."""

    name: str
    size: int
    modified_at: float  # seconds since 1970
    tag: str


class Storage(Protocol):
    """Files of rows. Each is there as a whole or not at all; rows refer to them only once all of theirs are there.

    The methods raise CfyError with the status 503, and a full disk OSError, when the storage cannot be used.
    """

    address: str  # for users

    @property
    def incoming(self) -> Path | None:
        """The folder from which files are taken without being copied; None when all are copied."""

    def check(self) -> None:
        """Raise CfyError with what is wrong when the storage cannot be used."""

    def prepare(self, path: Path) -> None:
        """Transfer a complete file before a transaction begins, so that `put` takes little time in it."""

    def forget(self, path: Path) -> None:
        """Remove what was transferred of a file that was not put; or that was, and is not needed twice."""

    def put(self, key: RowKey, contents: Mapping[str, Content]) -> None:
        """Replace all files of a row."""

    def put_folders(self, folders: Mapping[RowKey, Path]) -> None:
        """Give many rows that have no files yet those in folders."""

    def names(self, key: RowKey) -> list[str]:
        """Return the names of the files of a row, in order."""

    def find(self, key: RowKey, name: str) -> StoredFile | None: ...

    def local_path(self, key: RowKey, name: str) -> Path | None:
        """Return where a file is on this machine; None when it must be read from elsewhere. It may not be there."""

    def open(self, key: RowKey, name: str, start: int = 0, end: int | None = None) -> BinaryIO:
        """Open a file, or a range of it, to be read once. Raises FileNotFoundError."""

    def storage_ids(self, kind: str) -> list[int]:
        """Return the storage ids of the rows that have files."""

    def delete(self, keys: Collection[RowKey]) -> None: ...

    def remove_interrupted(self) -> None:
        """Remove what interrupted transfers to files of rows have left; nobody may transfer one meanwhile."""

    def remove_incoming(self) -> None:
        """Remove what this process and machines that are gone had been transferring."""

    def read_owner(self) -> str:
        """Return which databases the files belong to, empty if that is not known."""

    def write_owner(self, text: str) -> None: ...
