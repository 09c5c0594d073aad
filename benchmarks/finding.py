"""Pages found by rules, summaries and searches among many deployments, compared with bare selects of the same rows.

    python benchmarks/finding.py [--database URL] [--deployments N] [--rounds N]

Each deployment has five labels, an execution, a node and a node instance. What the manager is asked for over HTTP, a
bare SQLAlchemy select reads from the same database, in turns; the best of all rounds counts. `request` is the time of a
request that finds nothing: HTTP, login, transaction. The ratio is that of what the manager takes beyond it. Without
--database, it is SQLite, and then PostgreSQL when CFY_TEST_POSTGRESQL names a server where databases may be created.
"""

import argparse
import http.client
import json
import os
import tempfile
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Select, create_engine, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, selectinload

from cfy_cli.manager import control
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.database import Database, parse_url
from cfy_cli.manager.store.models import (
    Base,
    Blueprint,
    Deployment,
    DeploymentLabel,
    Execution,
    Node,
    NodeInstance,
    Secret,
    Site,
)  # fmt: skip

TENANT = "default_tenant"
PAGE = 100
INSERT_BATCH = 5000  # rows
LABELS = {"team": 50, "env": 3, "tier": 5, "owner": 1000, "zone": 10}  # number of values
BLUEPRINTS, SITES, SECRETS = 500, 20, 5000
OWNED = {"tenant_name": TENANT, "visibility": "tenant", "created_by": "admin"}
BELONGING = {**OWNED, "owned_by": "admin"}
Row = dict[str, Any]
Rule = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What the manager is asked, and the select that reads the same rows."""

    name: str
    path: str
    select: Select[Any]
    body: object = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="", help="postgresql://...; SQLite otherwise")
    parser.add_argument("--deployments", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.database:
        measure(arguments.database, arguments.deployments, arguments.rounds)
        return
    measure("", arguments.deployments, arguments.rounds)
    if server := os.environ.get("CFY_TEST_POSTGRESQL"):
        with new_database(server) as url:
            measure(url, arguments.deployments, arguments.rounds)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    name = f"cfy_{uuid.uuid4().hex}"
    engine = create_engine(parse_url(server).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def measure(url: str, deployments: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = ManagerSettings(Path(folder) / "data", database_url=url, workers=1)
        running = control.start(settings)
        database = Database(settings.database)
        try:
            started = time.perf_counter()
            store_rows(database, deployments)
            print(
                f"\n{database.engine.dialect.name}: {deployments} deployments in {time.perf_counter() - started:.0f} s"
            )
            login = json.loads((settings.data_dir / "admin.json").read_text())
            ask = client(running.host, running.port, f"{login['username']}:{login['password']}")
            print(f"{'':44}{'manager':>10}{'request':>10}{'bare':>10}{'ratio':>8}")
            for question in questions(deployments):
                manager, request, bare = compare(ask, database, question, rounds)
                times = "".join(f"{each:7.1f} ms" for each in (manager, request, bare))
                print(f"{question.name:44}{times}{(manager - request) / bare:8.2f}", flush=True)
        finally:
            database.close()
            control.stop(settings.data_dir)


def compare(
    ask: Callable[[str, object], Any], database: Database, question: Question, rounds: int
) -> tuple[float, float, float]:
    """Return the best times of the manager, of a request that finds nothing, and of the bare select, in ms."""
    managers, requests, bare = [], [], []
    for _ in range(rounds):
        started = time.perf_counter()
        answer = ask(question.path, question.body)
        managers.append(time.perf_counter() - started)
        started = time.perf_counter()
        ask("/sites?name=nothing", None)
        requests.append(time.perf_counter() - started)
        started = time.perf_counter()
        with Session(database.engine) as session:
            found = session.execute(question.select).all()
        bare.append(time.perf_counter() - started)
    is_same = len(answer["items"]) == len(found) > 0 or question.path.endswith(
        "workflows"
    )  # each name is answered once
    assert is_same, f"{question.name}: {len(answer['items'])} items, {len(found)} rows"
    return 1000 * min(managers), 1000 * min(requests), 1000 * min(bare)


def client(host: str, port: int, login: str) -> Callable[[str, object], Any]:
    connection = http.client.HTTPConnection(host, port, timeout=60)
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}", "Tenant": TENANT}

    def ask(path: str, body: object) -> Any:
        content = None if body is None else json.dumps(body)
        more = {} if body is None else {"Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", f"/api/v3.1{path}", content, {**headers, **more})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, f"{path}: {response.status} {answer.decode()}"
        return json.loads(answer)

    return ask


def questions(deployments: int) -> Iterator[Question]:
    label = rule("label", "team", "any_of", "team-7")
    attribute = rule("attribute", "blueprint_id", "any_of", "blueprint-7")
    site = rule("attribute", "site_name", "any_of", "site-9")
    in_tenant = select(Deployment).where(Deployment.tenant_name == TENANT)
    has_label = Deployment.storage_id.in_(
        select(DeploymentLabel.deployment_storage_id).where(
            DeploymentLabel.key == "team", DeploymentLabel.value == "team-7"
        )
    )
    of_blueprint = Deployment.blueprint_id == "blueprint-7"
    of_site = Deployment.site_storage_id == select(Site.storage_id).where(Site.name == "site-9").scalar_subquery()

    def page(found: Select[Any], model: Any = Deployment, key: Any = Deployment.created_at) -> Select[Any]:
        loaded = [selectinload(model.labels)] if hasattr(model, "labels") else []
        return found.order_by(key, model.storage_id).limit(PAGE).options(*loaded)

    search = f"/searches/deployments?_size={PAGE}"
    yield Question("deployments, without rules", f"/deployments?_size={PAGE}", page(in_tenant))
    yield Question("deployments, label rule", search, page(in_tenant.where(has_label)), {"filter_rules": [label]})
    yield Question("deployments, attribute", search, page(in_tenant.where(of_blueprint)), {"filter_rules": [attribute]})
    yield Question("deployments, site name", search, page(in_tenant.where(of_site)), {"filter_rules": [site]})
    both = {"filter_rules": [label, site]}
    yield Question("deployments, label and site name", search, page(in_tenant.where(has_label, of_site)), both)
    yield from searches()
    yield from summaries()


def searches() -> Iterator[Question]:
    def named(model: Any, key: Any, words: str) -> Select[Any]:
        found = select(model).where(model.tenant_name == TENANT, key.contains(words))
        loaded = [selectinload(model.labels)] if hasattr(model, "labels") else []
        return found.order_by(key, model.storage_id).limit(PAGE).options(*loaded)

    for name, model, field in (("blueprints", Blueprint, "id"), ("secrets", Secret, "key")):
        body = {"constraints": {"name_pattern": {"contains": "7"}}}
        path = f"/searches/{name}?_size={PAGE}&_sort={field}"
        yield Question(f"search of {name}", path, named(model, getattr(model, field), "7"), body)
    body = {"constraints": {"name_pattern": {"contains": "77"}}}
    path = f"/searches/deployments?_size={PAGE}&_sort=id"
    yield Question("search of deployments by name", path, named(Deployment, Deployment.id, "77"), body)
    of_deployment = {"constraints": {"deployment_id": "deployment-77"}}
    for name, model in (("nodes", Node), ("node-types", Node), ("node-instances", NodeInstance)):
        found = select(model).where(model.tenant_name == TENANT, model.deployment_id == "deployment-77")
        yield Question(f"search of {name}", f"/searches/{name}", found, of_deployment)
    deployment = select(Deployment).where(Deployment.tenant_name == TENANT, Deployment.id == "deployment-77")
    for name in ("scaling-groups", "capabilities"):
        yield Question(f"search of {name}", f"/searches/{name}", deployment, of_deployment)
    of_owner = rule("label", "owner", "any_of", "owner-77")
    owned = select(DeploymentLabel.deployment_storage_id).where(
        DeploymentLabel.key == "owner", DeploymentLabel.value == "owner-77"
    )
    found = select(Deployment).where(Deployment.storage_id.in_(owned)).options(selectinload(Deployment.labels))
    yield Question("search of workflows", "/searches/workflows", found, {"filter_rules": [of_owner]})


def summaries() -> Iterator[Question]:
    counted: Sequence[tuple[str, Any, str, Any]] = (
        ("blueprints", Blueprint, "visibility", Blueprint.visibility),
        ("deployments", Deployment, "blueprint_id", Deployment.blueprint_id),
        ("deployments", Deployment, "site_name", Deployment.site_storage_id),
        ("deployments", Deployment, "deployment_status", Deployment.deployment_status),
        ("executions", Execution, "workflow_id", Execution.workflow_id),
        ("executions", Execution, "status_display", Execution.status),
        ("nodes", Node, "visibility", Node.visibility),
        ("node_instances", NodeInstance, "state", NodeInstance.state),
    )
    for name, model, field, column in counted:
        found = select(column, func.count()).where(model.tenant_name == TENANT).group_by(column)
        yield Question(f"summary of {name} by {field}", f"/summary/{name}?_target_field={field}", found)


def rule(kind: str, key: str, operator: str, *values: str) -> Rule:
    return {"type": kind, "key": key, "operator": operator, "values": list(values)}


def store_rows(database: Database, count: int) -> None:
    """Store deployments and what belongs to them, as the manager would."""
    blueprints = [
        {**OWNED, "storage_id": n + 1, "id": f"blueprint-{n}", "state": "uploaded", "plan": {}}
        for n in range(BLUEPRINTS)
    ]
    sites = [{**OWNED, "storage_id": n + 1, "name": f"site-{n}"} for n in range(SITES)]
    secrets = [{**OWNED, "key": f"secret-{n}", "encrypted_value": "x"} for n in range(SECRETS)]
    insert_all(database, Blueprint, blueprints)
    insert_all(database, Site, sites)
    insert_all(database, Secret, secrets)
    for start in range(0, count, INSERT_BATCH):
        numbers = range(start, min(start + INSERT_BATCH, count))
        insert_all(database, Deployment, [deployment_of(n) for n in numbers])
        insert_all(database, DeploymentLabel, [each for n in numbers for each in labels_of(n)])
        insert_all(database, Execution, [execution_of(n) for n in numbers])
        insert_all(database, Node, [node_of(n) for n in numbers])
        insert_all(database, NodeInstance, [instance_of(n) for n in numbers])
    # What PostgreSQL does by itself within a minute, and SQLite never: statistics, and which pages all may see.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))


def insert_all(database: Database, model: type[Base], rows: Sequence[Row]) -> None:
    with database.write() as session:
        session.execute(insert(model), rows)


def created(n: int) -> str:
    return f"2026-01-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:{n // 60 % 60:02}.{n % 1000:03}Z"


def deployment_of(n: int) -> Row:
    workflows = {
        name: {"operation": f"default_workflows.{name}", "parameters": {}} for name in ("install", "uninstall")
    }
    return {
        **OWNED, "storage_id": n + 1, "id": f"deployment-{n}", "display_name": f"Deployment {n}",
        "created_at": created(n), "latest_execution": f"execution-{n}",
        "blueprint_storage_id": n % BLUEPRINTS + 1, "blueprint_id": f"blueprint-{n % BLUEPRINTS}",
        "site_storage_id": n % SITES + 1 if n % 3 else None, "deployment_status": ("good", "in_progress")[n % 2],
        "inputs": {"port": n, "name": f"web-{n}"}, "workflow_definitions": workflows,
        "capabilities": {"port": {"value": n}}, "scaling_groups": {"group": {"members": ["web"], "properties": {}}},
    }  # fmt: skip


def labels_of(n: int) -> Iterator[Row]:
    for key, values in LABELS.items():
        value = f"{key}-{n // 7 % values}"
        yield {"deployment_storage_id": n + 1, "key": key, "value": value, "created_by": "admin"}


def execution_of(n: int) -> Row:
    return {
        **BELONGING, "id": f"execution-{n}", "workflow_id": ("install", "heal", "update")[n % 3],
        "created_at": created(n),
        "status": ("terminated", "failed")[n % 2], "deployment_storage_id": n + 1, "deployment_id": f"deployment-{n}",
        "blueprint_id": f"blueprint-{n % BLUEPRINTS}", "is_system_workflow": False,
    }  # fmt: skip


def in_deployment(n: int) -> Row:
    return {**BELONGING, "deployment_storage_id": n + 1, "deployment_id": f"deployment-{n}", "relationships": []}


def node_of(n: int) -> Row:
    return {
        **in_deployment(n), "id": "web", "type": "cloudify.nodes.Root", "type_hierarchy": ["cloudify.nodes.Root"],
        "blueprint_id": f"blueprint-{n % BLUEPRINTS}", "deployment_display_name": f"Deployment {n}", "plugins": [],
        "properties": {"port": n}, "operations": {},
    }  # fmt: skip


def instance_of(n: int) -> Row:
    state = ("started", "deleted", "stopped")[n % 3]
    return {**in_deployment(n), "id": f"web_{n}", "node_id": "web", "index": 1, "state": state}


if __name__ == "__main__":
    main()
