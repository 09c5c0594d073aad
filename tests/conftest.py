"""A whole manager behind every command: in this process, on SQLite and on PostgreSQL."""

import functools
import io
import json
import os
import shlex
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings
from requests.adapters import BaseAdapter
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from cfy_cli.config.profiles import Profile
from cfy_cli.contract.limits import Limits
from cfy_cli.main import main
from cfy_cli.manager.rest.browsers import HEADERS
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store import schema
from cfy_cli.manager.store.database import Database, parse_url
from cfy_cli.manager.worker import Worker
from cfy_cli.shell.app import App
from tests.openapi import NO_BODY, AnswerSchemas, path_of

NEEDED_HEADERS = {name.decode() for name, _ in HEADERS}
PASSWORD = "admin-of-the-tests"
POSTGRESQL = os.environ.get("CFY_TEST_POSTGRESQL", "")  # postgresql://USER:PASSWORD@HOST:PORT: may create databases

hypothesis_settings.register_profile("cfy", deadline=None)  # the machine may be loaded
hypothesis_settings.load_profile("cfy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they need, for `make quick`."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "data_dir" in fixtures:
            item.add_marker("process")
        if "worker" in fixtures:
            item.add_marker("worker")
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("fuzz")


@functools.cache
def _all_schemas() -> list[AnswerSchemas]:
    return []


def schemas_of(app: FastAPI) -> AnswerSchemas:
    """Build the schemas once: they are the same for every manager of a test process."""
    if not _all_schemas():
        _all_schemas().append(AnswerSchemas(app))
    return _all_schemas()[0]


class InProcess(BaseAdapter):
    """Carries a `requests` request straight into an ASGI app."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__()
        self.client = TestClient(app, raise_server_exceptions=False)
        self.schemas = schemas_of(app)

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]
        body = request.body
        content = body if body is None or isinstance(body, str | bytes) else b"".join(body)  # type: ignore[arg-type]
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() != "transfer-encoding"}
        answer = self.client.request(request.method or "GET", request.url or "", headers=headers, content=content)
        response = requests.Response()
        response.status_code, response.reason = answer.status_code, answer.reason_phrase
        response.headers.update(answer.headers)
        response.headers.pop("content-encoding", None)
        response.raw = io.BytesIO(answer.content)
        response.request, response.url = request, request.url or ""
        self._check(request, response)
        return response

    def _check(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Validate the answer against what the OpenAPI document declares, and its headers."""
        assert {name.lower() for name in response.headers} >= NEEDED_HEADERS, (
            f"{request.method} {request.url}: {response.headers}"
        )
        assert "location" not in response.headers
        path = path_of(urlsplit(request.url or "").path)
        if path is None or response.status_code >= 500:
            return
        is_json = response.headers.get("content-type", "").startswith("application/json")
        body = json.loads(response.content) if is_json and response.content else NO_BODY
        self.schemas.check(request.method or "GET", path, response.status_code, body)

    def close(self) -> None:
        self.client.close()


class Cfy(Protocol):
    """`cfy("sites list", code=0)` is what the command printed to stdout; `.errors` is its stderr."""

    errors: str
    workdir: Path

    def __call__(
        self, line: str, *, code: int = 0, user: str = "admin", password: str = PASSWORD, input: str | None = None
    ) -> str: ...


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For all that tests start, so that nothing stays in the system's: scripts of blueprints leave things there."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is meant to be slow; hundreds of managers a minute are not what it is meant for."""
    from argon2 import PasswordHasher

    cheap = PasswordHasher(1, 8, 1)
    monkeypatch.setattr(passwords, "_hasher", lambda: cheap)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind, with its tables; PostgreSQL where CFY_TEST_POSTGRESQL names a server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'manager.db'}"
        return
    template = request.getfixturevalue("postgresql_template")
    name = f"cfy_{uuid.uuid4().hex}"
    _administer(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    """Tables made once, and copied for each test."""
    if not POSTGRESQL:
        if os.environ.get("CI"):
            pytest.fail("CFY_TEST_POSTGRESQL names no server")
        pytest.skip("CFY_TEST_POSTGRESQL names no server")
    name = f"cfy_{uuid.uuid4().hex}"
    _administer(f"CREATE DATABASE {name}")
    database = Database(make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False))
    schema.prepare(database)
    database.close()
    yield name
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


def _administer(statement: str) -> None:
    server = create_engine(parse_url(POSTGRESQL).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def app(database_url: str, tmp_path: Path, limits: Limits) -> Iterator[AppContext]:
    app = AppContext(
        ManagerSettings(
            tmp_path / "data", database_url=database_url, server_names=("manager", "testserver"), limits=limits
        )
    )
    bootstrap(app, PASSWORD)
    yield app
    app.close()


@pytest.fixture
def worker(app: AppContext) -> Iterator[Worker]:
    """Executions run, in a thread of this process."""
    worker = Worker(app, "test")
    thread = threading.Thread(target=worker.work)
    thread.start()
    yield worker
    worker.stop()
    thread.join()
    worker.close()


@pytest.fixture
def session(app: AppContext) -> Iterator[requests.Session]:
    """Speaks to the manager as any client does, without a socket."""
    adapter = InProcess(create_app(app))
    with requests.Session() as session:
        session.mount("http://", adapter)
        yield session


@pytest.fixture
def cfy(session: requests.Session, tmp_path: Path) -> Cfy:
    class Run:
        errors = ""
        workdir = tmp_path

        def __call__(
            self, line: str, *, code: int = 0, user: str = "admin", password: str = PASSWORD, input: str | None = None
        ) -> str:
            profile = Profile(name="test", manager_ip="manager", manager_username=user, manager_password=password)
            app = App(profile=profile, session=session, environ={"CFY_WORKDIR": str(tmp_path), "NO_COLOR": "1"})
            result = CliRunner().invoke(main, shlex.split(line), obj=app, input=input)
            self.errors = result.stderr
            assert result.exit_code == code, f"{line}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
            return result.stdout

    return Run()


class Ask(Protocol):
    """`ask("GET", "/sites", user="bob", tenant="red")` is the answer as the wire has it."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        user: str = "admin",
        password: str = PASSWORD,
        tenant: str = "default_tenant",
        **options: Any,
    ) -> requests.Response: ...


@pytest.fixture
def ask(session: requests.Session) -> Ask:
    def ask(
        method: str,
        path: str,
        *,
        user: str = "admin",
        password: str = PASSWORD,
        tenant: str = "default_tenant",
        **options: Any,
    ) -> requests.Response:
        headers = {"Tenant": tenant, **options.pop("headers", {})}
        return session.request(
            method, f"http://manager/api/v3.1{path}", auth=(user, password), headers=headers, **options
        )

    return ask
