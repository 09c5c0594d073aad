"""Time to store, read and delete files in an S3-compatible store, and through a manager, as a ratio to bare boto3.

    python benchmarks/storage.py [--storage s3://BUCKET/PREFIX] [--sizes KIB ...] [--rounds N]

Without --storage, moto's server in a process of its own is the store. A file of 8 MiB or more is transferred, copied,
and removed where it was. A plugin is uploaded to a manager with the store, and to one with a data folder.
"""

import argparse
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import boto3
import requests

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.s3_storage import S3Storage, parse_bucket

KIB = 1024
START_TIMEOUT = 30.0  # seconds


@contextmanager
def local_store() -> Iterator[str]:
    """Start moto's server with a bucket; yield its address as a storage."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                boto3.client("s3").create_bucket(Bucket="benchmark")
                break
            except Exception:
                time.sleep(0.2)
        yield "s3://benchmark/files"
    finally:
        server.kill()
        server.wait()


def best(rounds: int, action: Callable[[int], object]) -> float:
    times = []
    for number in range(rounds):
        started = time.perf_counter()
        action(number)
        times.append(time.perf_counter() - started)
    return min(times)


def measure(address: str, size: int, rounds: int, folder: Path) -> None:
    """Compare the storage with bare boto3."""
    bucket, client = parse_bucket(address), boto3.client("s3")
    storage, file = S3Storage(bucket, "benchmark"), folder / "file"
    file.write_bytes(os.urandom(size))
    storage.check()

    def put(number: int) -> None:
        storage.prepare(file)
        storage.put(("snapshots", number + 1), {"archive.zip": file})
        storage.forget(file)

    def get(number: int) -> None:
        with storage.open(("snapshots", number + 1), "archive.zip") as source:
            while source.read(256 * KIB):
                pass

    bare_key = f"{bucket.prefix}bare"
    bare_put = best(rounds, lambda _: client.upload_file(str(file), bucket.name, bare_key))
    bare_get = best(rounds, lambda _: client.download_fileobj(bucket.name, bare_key, io.BytesIO()))
    stored, read = best(rounds, put), best(rounds, get)
    deleted = best(1, lambda _: storage.delete([("snapshots", number + 1) for number in range(rounds)]))
    print(
        f"{size // KIB:>8} KiB: put {stored * 1000:8.1f} ms, {stored / bare_put:4.1f}x of upload_file; "
        f"get {read * 1000:8.1f} ms, {read / bare_get:4.1f}x of download_fileobj; "
        f"delete {deleted / rounds * 1000:6.1f} ms",
        flush=True,
    )


def measure_manager(address: str, folder: Path, rounds: int) -> None:
    """Time downloads through a manager, from the store and from its data folder."""
    for storage in (address, ""):
        data_dir = folder / (f"data-{bool(storage)}")
        running = control.start(ManagerSettings(data_dir, storage=storage, workers=1))
        try:
            admin = json.loads((data_dir / "admin.json").read_text())
            session = requests.Session()
            session.auth = (admin["username"], admin["password"])
            session.headers["Tenant"] = "default_tenant"
            url, body = f"{running.url}/api/v3.1/plugins", plugin(16 * KIB * KIB)
            uploaded = time.perf_counter()
            answer = session.post(url, data=body)
            uploaded = time.perf_counter() - uploaded
            answer.raise_for_status()
            archive = f"{url}/{answer.json()['id']}/archive"
            taken = best(rounds, partial(read, session, archive))
            name = "the store" if storage else "the data folder"
            print(
                f"plugin of 16 MiB in {name}: upload {uploaded * 1000:.0f} ms, download {taken * 1000:.0f} ms",
                flush=True,
            )
        finally:
            control.stop(data_dir)


def read(session: requests.Session, url: str, _round: int) -> None:
    assert session.get(url).content


def plugin(size: int) -> bytes:
    """Return a plugin with a wheel of random bytes."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.wagons import package

    packed = io.BytesIO(package())
    with zipfile.ZipFile(packed) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}

    wagon = next(name for name in contents if name.endswith(".wgn"))
    source, target = io.BytesIO(contents[wagon]), io.BytesIO()
    with tarfile.open(fileobj=source) as before, tarfile.open(fileobj=target, mode="w:gz", compresslevel=1) as after:
        for member in before:
            after.addfile(member, before.extractfile(member) if member.isfile() else None)
        extra = tarfile.TarInfo(f"{before.getnames()[0].split('/')[0]}/padding")
        extra.size = size
        after.addfile(extra, io.BytesIO(os.urandom(size)))
    contents[wagon] = target.getvalue()
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return result.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--storage", help="s3://BUCKET/PREFIX")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 1024, 65536], help="KiB")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.storage:
            run(options.storage, options, Path(folder))
        else:
            with local_store() as address:
                run(address, options, Path(folder))


def run(address: str, options: argparse.Namespace, folder: Path) -> None:
    for size in options.sizes:
        measure(address, size * KIB, options.rounds, folder)
    measure_manager(address, folder, options.rounds)


if __name__ == "__main__":
    main()
