"""Fixtures of the engine's tests."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cfy_cli.manager.engine import run
from cfy_cli.manager.engine.journal import NullJournal
from tests.brokers import broker_url
from tests.engine.deployment import Deployment
from tests.engine.python_workflow import flow as flow
from tests.engine.subgraph_flow import subgraph_flow as subgraph_flow

if TYPE_CHECKING:
    from tests.engine.celery_executor import CeleryStories

ON_CELERY = (  # modules whose tests run on both executors
    "test_cancel", "test_ctx", "test_failures", "test_heal", "test_operations", "test_paths", "test_python_workflows",
    "test_scale", "test_script_files", "test_scripts", "test_task_handlers", "test_templates", "test_workflows",
)  # fmt: skip

LOCAL_ONLY = {
    "test_execution_leaks_no_threads_or_descriptors": "counts those of this process",
    "test_output_line_is_logged_while_script_runs": "measures a time that is shorter than SEND_INTERVAL",
    "test_plugin_operation_without_manager_is_refused": "the records of workers are those of a manager",
    "test_script_is_killed_when_its_events_cannot_be_stored": "the worker waits until they can be",
    "test_script_that_installs_an_agent_is_printed": "the records of workers always have agents",
    "test_server_that_a_script_leaves_keeps_its_files": "the worker keeps copies for later executions",
    "test_template_without_end_is_ended": "sets limits in this process",
}


@pytest.fixture
def deployment(tmp_path: Path) -> Callable[..., Deployment]:
    """`deployment(nodes...)` creates a deployment in a temporary folder."""
    return lambda *nodes, **more: Deployment(tmp_path, *nodes, **more)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] in ON_CELERY and metafunc.function.__name__ not in LOCAL_ONLY:
        on_celery = pytest.param("celery", marks=pytest.mark.process)
        metafunc.parametrize("executor", ["local", on_celery], indirect=True)


@pytest.fixture(scope="session")
def celery_stories() -> Iterator["CeleryStories"]:
    url = broker_url("rabbitmq", beside=16)  # beside that of managers, whose operations are not ours
    from tests.engine.celery_executor import started

    with started(url) as stories:
        yield stories


@pytest.fixture(autouse=True)
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the operations of workflows on this machine, or through Celery."""
    if getattr(request, "param", "local") == "celery":
        stories: CeleryStories = request.getfixturevalue("celery_stories")
        monkeypatch.setattr(run, "LocalExecutor", stories.create_executor)
        monkeypatch.setattr(NullJournal, "add_graph", lambda self, graph: uuid.uuid4().hex)
        monkeypatch.setattr(NullJournal, "operation_id", lambda self, key, task_id: f"{key}|{task_id}")
