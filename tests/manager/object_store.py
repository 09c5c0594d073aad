"""An S3-compatible store on loopback, one for the tests of a process; each test has a prefix of its own."""

import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from cfy_cli.manager.store.s3_storage import S3Storage, parse_bucket

BUCKET = "files"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(store_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty prefix."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    options = {"AWS_ENDPOINT_URL": store_url, "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/nowhere"}
    for name, value in {**CREDENTIALS, **options}.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


def list_keys(address: str) -> list[str]:
    """Return the names of all objects of a manager, and of transfers that were not completed."""
    bucket = parse_bucket(address)
    client = boto3.client("s3", region_name="us-east-1")
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=bucket.prefix).get("Contents", ())
    parts = client.list_multipart_uploads(Bucket=BUCKET, Prefix=bucket.prefix).get("Uploads", ())
    return sorted(each["Key"].removeprefix(bucket.prefix) for each in (*found, *parts))


def open_storage(address: str, process: str = "test") -> S3Storage:
    return S3Storage(parse_bucket(address), process)
