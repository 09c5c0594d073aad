"""A whole manager behind every command: in this process, on SQLite and on PostgreSQL."""

import gc
import os
import shlex
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
from click.testing import CliRunner
from hypothesis import settings as hypothesis_settings
from sqlalchemy.engine import make_url

from cfy_cli.config.profiles import Profile
from cfy_cli.contract.limits import Limits
from cfy_cli.main import main
from cfy_cli.manager import control
from cfy_cli.manager.control import RunningManager
from cfy_cli.manager.process import GC_THRESHOLD
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity import passwords
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import Database
from cfy_cli.manager.worker import Worker
from cfy_cli.shell.app import App
from tests.databases import POSTGRESQL, ReusedDatabase, compiled_statements
from tests.in_process import InProcess, application_of

PASSWORD = "admin-of-the-tests"

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


def pytest_collection_finish() -> None:
    """Collect cyclic garbage as seldom as the processes of a manager do: to look at all tests takes long."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on every database, or on SQLite alone where the others make no difference to it."""
    test = metafunc.definition
    if "database_url" in metafunc.fixturenames:
        is_independent = test.path.parent.name == "cli" or test.get_closest_marker("sqlite")
        one = is_independent and not test.get_closest_marker("databases")
        databases = ["sqlite"] if one else ["sqlite", "postgresql"]
        if test.get_closest_marker("postgresql"):
            databases = ["postgresql"]
        metafunc.parametrize("database_url", databases, indirect=True)


class Cfy(Protocol):
    """`cfy("sites list", code=0)` is what the command printed to stdout; `.errors` is its stderr, and `.code` its exit.

    With `code=None`, it may exit with any code.
    """

    errors: str
    code: int
    workdir: Path

    def __call__(
        self,
        line: str,
        *,
        code: int | None = 0,
        user: str = "admin",
        password: str = PASSWORD,
        input: str | None = None,
    ) -> str: ...


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """For all that tests start, so that nothing stays in the system's: scripts of blueprints leave things there."""
    os.environ["TMPDIR"] = tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing is meant to be slow; hundreds of managers a minute are not what it is meant for."""
    from argon2 import PasswordHasher

    cheap = PasswordHasher(1, 8, 1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(passwords, "_hasher", lambda: cheap)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_worker() -> Iterator[None]:
    """Managers in processes of their own have one worker, unless a test asks for more: each takes a second to start."""
    start = control.start

    def start_one(settings: ManagerSettings, *arguments: Any) -> RunningManager:
        return start(replace(settings, workers=settings.workers or 1), *arguments)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(control, "start", start_one)
        monkeypatch.setattr(control, "STOP_TIMEOUT", 60.0)  # the machine may be loaded
        yield


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, without rows; PostgreSQL where CFY_TEST_POSTGRESQL names a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'manager.db'}"
    return request.getfixturevalue("postgresql_database").provide()


@pytest.fixture(scope="session")
def postgresql_database() -> Iterator[ReusedDatabase]:
    if not POSTGRESQL:
        if os.environ.get("CI"):
            pytest.fail("CFY_TEST_POSTGRESQL names no server")
        pytest.skip("CFY_TEST_POSTGRESQL names no server")
    database = ReusedDatabase()
    yield database
    database.drop()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture(scope="session", autouse=True)
def shared_statements() -> Iterator[None]:
    with compiled_statements():
        yield


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory, cheap_passwords: None) -> Path:
    """A data folder and a database of SQLite after the first start of a manager, which tests copy."""
    folder = tmp_path_factory.mktemp("first_start")
    app = AppContext(ManagerSettings(folder / "data", database_url=f"sqlite:///{folder / 'manager.db'}"))
    bootstrap(app, PASSWORD)
    app.close()
    return folder


@pytest.fixture
def storage() -> str:
    """Where files are stored; tests of other storages override it."""
    return ""


@pytest.fixture
def app(
    database_url: str, tmp_path: Path, limits: Limits, first_start: Path, storage: str, request: pytest.FixtureRequest
) -> Iterator[AppContext]:
    shutil.copytree(first_start / "data", tmp_path / "data")
    if database_url.startswith("sqlite"):
        shutil.copyfile(first_start / "manager.db", str(make_url(database_url).database))
    else:
        request.getfixturevalue("postgresql_database").fill(Database(f"sqlite:///{first_start / 'manager.db'}"))
    app = AppContext(
        ManagerSettings(
            tmp_path / "data",
            database_url=database_url,
            storage=storage,
            server_names=("manager", "testserver"),
            limits=limits,
        )
    )
    if storage:
        bootstrap(app, PASSWORD)
    yield app
    app.close()


@pytest.fixture
def worker(app: AppContext) -> Iterator[Worker]:
    """Executions run, in a thread of this process."""
    worker = Worker(app, "test")
    thread = threading.Thread(target=worker.work, name="worker")
    thread.start()
    yield worker
    worker.stop()
    thread.join()
    worker.close()


@pytest.fixture
def session(app: AppContext) -> Iterator[requests.Session]:
    """Speaks to the manager as any client does, without a socket."""
    with requests.Session() as session:
        session.mount("http://", InProcess(application_of(app)))
        yield session


@pytest.fixture
def cfy(session: requests.Session, tmp_path: Path) -> Cfy:
    class Run:
        errors = ""
        code = 0
        workdir = tmp_path

        def __call__(
            self,
            line: str,
            *,
            code: int | None = 0,
            user: str = "admin",
            password: str = PASSWORD,
            input: str | None = None,
        ) -> str:
            profile = Profile(name="test", manager_ip="manager", manager_username=user, manager_password=password)
            app = App(profile=profile, session=session, environ={"CFY_WORKDIR": str(tmp_path), "NO_COLOR": "1"})
            result = CliRunner().invoke(main, shlex.split(line), obj=app, input=input)
            self.errors, self.code = result.stderr, result.exit_code
            assert code in (None, self.code), f"{line}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
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
