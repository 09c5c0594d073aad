"""Fixtures of command lines: a home folder, and mocked answers of a manager."""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import responses
from click.testing import CliRunner

from cfy_cli.client import http
from cfy_cli.config.profiles import Profile
from cfy_cli.main import main
from cfy_cli.shell.app import App

PROFILE = {"manager_ip": "manager", "manager_username": "admin", "manager_password": "canary-password"}


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run command lines with a profile of http://manager; `profile=None` uses none."""
    monkeypatch.setattr(http, "RETRY_INTERVALS", (0.0, 0.0, 0.0))

    def typed(
        line: str, *, code: int | None = 0, profile: Any = PROFILE, stdin: str | None = None, **environ: str
    ) -> Outcome:
        app = App(
            profile=Profile(name="test", **profile) if profile else None,
            environ={"CFY_WORKDIR": str(workdir), **environ},
        )
        result = CliRunner().invoke(main, shlex.split(line), obj=app, input=stdin)
        assert code in (None, result.exit_code), result.output
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return typed


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """Mock the answers of the manager at http://manager."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def page(*items: dict[str, Any], total: int | None = None, offset: int = 0) -> dict[str, Any]:
    total = len(items) if total is None else total
    pagination = {"total": total, "offset": offset, "size": 1000}
    return {"items": list(items), "metadata": {"pagination": pagination, "filtered": None}}
