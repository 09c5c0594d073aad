"""Deletion of tenants: whatever belongs to one keeps it, but for history."""

import pytest
from sqlalchemy import JSON, create_engine, insert

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.tenants import HISTORY
from cfy_cli.manager.store.models import Base
from cfy_cli.manager.store.models.owned import models_in_tenants
from tests.conftest import Ask


def fill(model: type[Base], **values: object) -> dict[str, object]:
    """Return a row with a value for every column that needs one."""
    row: dict[str, object] = {}
    for column in model.__table__.columns:
        if column.name == "storage_id" or column.nullable or column.default is not None:
            continue
        if column.foreign_keys and column.name != "tenant_name":
            row[column.name] = 1
        else:
            row[column.name] = {} if isinstance(column.type, JSON) else column.type.python_type("1")
    return {**row, "visibility": "tenant", "created_by": "admin", **values}


@pytest.mark.parametrize("model", models_in_tenants(), ids=lambda model: model.__tablename__)
def test_tenant_with_resources_is_not_deleted(ask: Ask, app: AppContext, model: type[Base]):
    ask("POST", "/tenants/red")
    engine = create_engine(app.database.url)
    with engine.connect() as connection:  # SQLite checks foreign keys only where it is asked to
        if not app.database.is_sqlite:
            connection.exec_driver_sql("SET session_replication_role = replica")
        connection.execute(insert(model.__table__).values(fill(model, tenant_name="red")))
        connection.commit()
    engine.dispose()
    answer = ask("DELETE", "/tenants/red")
    if model in HISTORY:
        assert answer.status_code == 204
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (409, "conflict_error")
        assert model.__tablename__.replace("_", " ") in answer.json()["message"]
