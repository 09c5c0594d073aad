"""Files of rows in an S3-compatible store, under PREFIX/KIND/ID/NAME.

A file that is large is transferred to PREFIX/incoming/MACHINE/PROCESS/ before the transaction, and copied within the
store to its place in it. boto3 retries, divides large files into parts and holds only a few of these in memory.
"""

import io
import re
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from cfy_cli.errors import CfyError, Invalid, Unavailable
from cfy_cli.manager.store.folder_storage import ABANDONED_AFTER
from cfy_cli.manager.store.storage import Content, RowKey, StoredFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from boto3.s3.transfer import TransferConfig
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client

S3_SCHEME = "s3://"
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
PART_SIZE = 8 * 1024**2  # bytes of a part of a large file
COPIED_SIZE = 256 * 1024**2  # bytes that the store copies in one request
PARTS_AT_ONCE = 4  # which are in memory
FILES_AT_ONCE = 8  # of many small ones
PREPARED_SIZE = PART_SIZE  # a smaller file takes little longer to be transferred than to be copied
DELETE_BATCH = 1000  # keys of one request
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 60  # seconds
INCOMING, OWNER = "incoming", "database"
DEFAULT_REGION = "us-east-1"  # which stores without regions expect
HINT = "Check the address, the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) and AWS_ENDPOINT_URL."
MISSING = ("404", "NoSuchKey", "NotFound")
NO_BUCKET = "NoSuchBucket"
REFUSED = ("403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "507")


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    prefix: str  # empty, or ends with a slash

    @property
    def address(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")


def parse_bucket(address: str) -> Bucket:
    """Parse s3://BUCKET/PREFIX. Raises Invalid."""
    name, _, prefix = address.removeprefix(S3_SCHEME).partition("/")
    prefix = prefix.strip("/")
    if not BUCKET_NAME.fullmatch(name) or not all(part not in ("", ".", "..") for part in prefix.split("/") if prefix):
        raise Invalid(f"`{address}` is not the address of a storage", hint="Give s3://BUCKET, or s3://BUCKET/PREFIX.")
    return Bucket(name, f"{prefix}/" if prefix else "")


class S3Storage:
    """A bucket, or what is below a prefix in one. `process` is unique among all that use it."""

    incoming = None

    def __init__(self, bucket: Bucket, process: str, credentials: Sequence[str] = ()) -> None:
        """Use a key id, a secret key and perhaps a token as credentials; those that boto3 finds when there are none."""
        self._bucket, self._prefix, self.address = bucket.name, bucket.prefix, bucket.address
        self._process, self._credentials = process, credentials
        self._lock = threading.Lock()
        self._prepared: dict[Path, str] = {}  # keys by file

    def check(self) -> None:
        key = f"{self._own_incoming}check"
        with self._translated():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=b"cfy")
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def prepare(self, path: Path) -> None:
        if path.stat().st_size >= PREPARED_SIZE:
            key = f"{self._own_incoming}{uuid.uuid4().hex}"
            self._prepared[path] = key
            self._upload(path, key)

    def forget(self, path: Path) -> None:
        key = self._prepared.pop(path, None)
        if key:
            with suppress(CfyError), self._translated():  # the next start removes it
                self._client.delete_object(Bucket=self._bucket, Key=key)

    def put(self, key: RowKey, contents: Mapping[str, Content]) -> None:
        present = set(self.names(key)) - contents.keys()
        for name, content in contents.items():
            self._put(self._key(key, name), content)
        self._delete_keys([self._key(key, name) for name in present])  # what a process that was killed has left there

    def put_folders(self, folders: Mapping[RowKey, Path]) -> None:
        files = [(self._key(key, path.name), path) for key, folder in folders.items() for path in folder.iterdir()]
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            for _ in pool.map(lambda file: self._put(*file), files):
                pass

    def names(self, key: RowKey) -> list[str]:
        prefix = self._key(key, "")
        return [name.removeprefix(prefix) for name in self._list_keys(prefix)]

    def find(self, key: RowKey, name: str) -> StoredFile | None:
        try:
            with self._translated():
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(key, name))
        except FileNotFoundError:
            return None
        return StoredFile(name, found["ContentLength"], found["LastModified"].timestamp(), found["ETag"].strip('"'))

    def local_path(self, key: RowKey, name: str) -> None:
        return None

    def open(self, key: RowKey, name: str, start: int = 0, end: int | None = None) -> BinaryIO:
        bounds = f"bytes={start}-{'' if end is None else end - 1}"
        options = {"Range": bounds} if start or end is not None else {}
        with self._translated():
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key, name), **options)  # type: ignore[arg-type]
        return cast(BinaryIO, io.BufferedReader(_Body(self, answer["Body"])))

    def storage_ids(self, kind: str) -> list[int]:
        prefix = f"{self._prefix}{kind}/"
        with self._translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        names = [key.removeprefix(prefix).rstrip("/") for key in found]
        return [int(name) for name in names if name.isdecimal()]

    def delete(self, keys: Collection[RowKey]) -> None:
        self._delete_keys([name for key in keys for name in self._list_keys(self._key(key, ""))])

    def remove_interrupted(self) -> None:
        self._abort_uploads(lambda key, _: not key.startswith(f"{self._prefix}{INCOMING}/"))

    def remove_incoming(self) -> None:
        limit = datetime.now(UTC) - timedelta(seconds=ABANDONED_AFTER)

        def is_abandoned(key: str, begun_at: datetime) -> bool:
            return key.startswith(self._own_incoming) or begun_at < limit

        prefix = f"{self._prefix}{INCOMING}/"
        with self._translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            found = [(each["Key"], each["LastModified"]) for page in pages for each in page.get("Contents", ())]
        self._delete_keys([key for key, begun_at in found if is_abandoned(key, begun_at)])
        self._abort_uploads(lambda key, begun_at: key.startswith(prefix) and is_abandoned(key, begun_at))

    def read_owner(self) -> str:
        try:
            with self._translated():
                answer = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{OWNER}")
                return answer["Body"].read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def write_owner(self, text: str) -> None:
        self._put(f"{self._prefix}{OWNER}", text.encode())

    def _key(self, key: RowKey, name: str) -> str:
        kind, storage_id = key
        return f"{self._prefix}{kind}/{storage_id}/{name}"

    @property
    def _own_incoming(self) -> str:
        return f"{self._prefix}{INCOMING}/{self._process}/"

    def _put(self, key: str, content: Content) -> None:
        prepared = self._prepared.get(content) if isinstance(content, Path) else None
        if isinstance(content, bytes):
            with self._translated():
                self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        elif prepared:
            with self._translated():
                self._client.copy(
                    {"Bucket": self._bucket, "Key": prepared}, self._bucket, key, Config=_transfer_config(COPIED_SIZE)
                )
        else:
            self._upload(content, key)

    def _upload(self, path: Path, key: str) -> None:
        with self._translated():
            self._client.upload_file(str(path), self._bucket, key, Config=_transfer_config())

    def _list_keys(self, prefix: str) -> list[str]:
        with self._translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def _delete_keys(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), DELETE_BATCH):
            with self._translated():
                batch = [{"Key": key} for key in keys[start : start + DELETE_BATCH]]
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": batch, "Quiet": True},  # type: ignore[typeddict-item]
                )
            for error in answer.get("Errors", ()):
                raise self._unavailable(f"{error.get('Code')}: {error.get('Message')}")

    def _abort_uploads(self, is_dead: Callable[[str, datetime], bool]) -> None:
        """Abort transfers of large files, whose parts would stay in the store unseen."""
        with self._translated():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for each in page.get("Uploads", ()):
                    if is_dead(each["Key"], each["Initiated"]):
                        with suppress(self._client.exceptions.NoSuchUpload):
                            self._client.abort_multipart_upload(
                                Bucket=self._bucket, Key=each["Key"], UploadId=each["UploadId"]
                            )

    @cached_property
    def _connection(self) -> "S3Client":
        """Connect lazily: to import boto3 takes half a second."""
        try:
            import boto3
            from botocore.config import Config
        except ModuleNotFoundError:
            raise Invalid(
                "Storing files in S3 needs the `cluster` extra", hint="pip install 'cfy-cli[manager,cluster]'"
            ) from None
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        with self._translated():
            session = boto3.session.Session(**dict(zip(names, self._credentials, strict=False)))  # type: ignore[arg-type]
            options = Config(
                retries={"mode": "standard"},
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
                request_checksum_calculation="when_required",  # other stores than Amazon's do not know newer ones
                response_checksum_validation="when_required",
            )
            region = session.region_name or DEFAULT_REGION
            client = session.client("s3", region_name=region, config=options)
            if not client.meta.endpoint_url.endswith("amazonaws.com"):  # buckets have no host names of their own there
                by_path = options.merge(Config(s3={"addressing_style": "path"}))
                client = session.client("s3", region_name=region, config=by_path)
        return client

    @property
    def _client(self) -> "S3Client":
        with self._lock:
            return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise FileNotFoundError for a missing object, and CfyErrors for everything else that boto3 raises."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in MISSING:
                raise FileNotFoundError(f"{self.address} has no such file") from None
            raise self._explain(code, error) from error
        except Boto3Error as error:  # of a transfer, with the answer in its text
            cause = error.__context__
            code = str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""
            raise self._explain(code, cause or error) from error
        except BotoCoreError as error:
            raise self._explain(type(error).__name__, error) from error

    def _explain(self, code: str, error: BaseException) -> CfyError:
        if code == NO_BUCKET:
            return Unavailable(
                f"There is no bucket `{self._bucket}` in the store", hint="Create it, or check its name."
            )
        if code in REFUSED:
            return Unavailable(f"The store refuses access to {self.address}: {code}", hint=HINT)
        if code in FULL:
            return Unavailable(f"The store of {self.address} is full", hint="Make room and try again.")
        reason = " ".join(str(error).split())
        return self._unavailable(reason)

    def _unavailable(self, reason: str) -> CfyError:
        return Unavailable(f"The storage {self.address} cannot be used: {reason}", hint=HINT)


class _Body(io.RawIOBase):
    """The body of an answer, whose errors are those of the storage."""

    def __init__(self, storage: S3Storage, body: "StreamingBody") -> None:
        self._storage, self._body = storage, body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        with self._storage._translated():
            content = self._body.read(len(view))
        view[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._body.close()
        super().close()


def _transfer_config(part_size: int = 0) -> "TransferConfig":
    from boto3.s3.transfer import TransferConfig

    size = part_size or PART_SIZE
    return TransferConfig(multipart_threshold=size, multipart_chunksize=size, max_concurrency=PARTS_AT_ONCE)
