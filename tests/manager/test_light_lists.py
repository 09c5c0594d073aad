"""Lists with `_include` read only what they answer, with as many statements for any number of rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from cfy_cli.manager.services.configuration import configuration
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask, Cfy
from tests.wagons import package

BLUEPRINT = """\
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs: {port: {type: integer, default: 80}}
node_templates:
  one: {type: cloudify.nodes.Root}
  two: {type: cloudify.nodes.Root}
  three: {type: cloudify.nodes.Root}
outputs: {port: {value: {get_input: port}}}
labels: {team: {values: [core]}}
"""
LISTS = (
    "blueprints",
    "deployments",
    "events",
    "executions",
    "managers",
    "node-instances",
    "nodes",
    "plugins",
    "secrets",
    "secrets providers",
    "sites",
    "tokens",
)  # fmt: skip; not tenants and users, whose members are read one by one
LARGE = {"deployments": "deployments.workflow_definitions", "nodes": "nodes.operations", "plugins": "plugins.wheels"}


@contextmanager
def statements(app: AppContext) -> Iterator[list[str]]:
    """Collect the SQL that is sent meanwhile."""
    sent: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    engine = app.database.engine
    event.listen(engine, "before_cursor_execute", remember)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", remember)


@pytest.fixture
def filled(cfy: Cfy, worker: Worker, tmp_path: Path) -> Cfy:
    """Three items of every resource; nothing runs any more."""
    main = tmp_path / "app" / "blueprint.yaml"
    main.parent.mkdir()
    main.write_text(BLUEPRINT)
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.zip").write_bytes(package(f"{name}-plugin"))
        cfy(f"plugins upload {tmp_path / name}.zip")
        cfy(f"blueprints upload {main} -b {name}")
        cfy(f"deployments create {name} -b {name}")
        cfy(f"secrets create {name} -s canary")
        cfy(f"secrets providers create {name} -y local")
        cfy(f"sites create {name} --location 1,2")
        cfy(f"tenants create tenant-{name}")
        cfy(f"users create {name} -p long-password")
        cfy("tokens create")
    worker.stop()
    return cfy


@pytest.mark.usefixtures("filled")
@pytest.mark.sqlite
def test_number_of_statements_does_not_grow_with_rows(
    app: AppContext, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "MAX_AGE", 1000.0)  # else it is read again in between
    app.service(configuration.Configuration).refresh()

    def count(path: str, field: str, size: int) -> int:
        with statements(app) as sent:
            answer = ask("GET", f"/{path}?_include={field}&_size={size}").json()
        assert all([*item] == [field] for item in answer["items"])
        return len(sent)

    growing = set()
    for name in LISTS:
        path = name.replace(" ", "-")
        for field in ask("GET", f"/{path}?_size=3").json()["items"][0]:
            # The values of more than one row are measured before. Twice: a login is verified again from time to time.
            if all(count(path, field, 2) != count(path, field, 3) for _ in range(2)):
                growing.add((name, field))
    assert not growing


@pytest.mark.usefixtures("filled")
@pytest.mark.sqlite
def test_lists_read_no_large_columns_that_they_do_not_answer(app: AppContext, ask: Ask) -> None:
    for name, column in LARGE.items():
        with statements(app) as sent:
            ask("GET", f"/{name}?_include=id")
            assert not any(column in statement for statement in sent)
            ask("GET", f"/{name}")
        assert any(column in statement for statement in sent)
