"""Nouns are complete: what is missing for one is told with the place to add it."""

import re

import pytest

from cfy_cli.contract.resource import Resource
from cfy_cli.contract.resources import ALL, DEPLOYMENT_GROUPS, EXECUTION_GROUPS, WORKFLOWS
from cfy_cli.main import SUMMARIES
from cfy_cli.manager.rest.api import PREFIX
from cfy_cli.manager.server import RESOURCES, permissions
from cfy_cli.manager.services.identity.permissions import AGENT_PERMISSIONS, ROLES_WITH
from tests.in_process import answer_schemas
from tests.openapi import AnswerSchemas

SERVED = [resource for resource in ALL if resource not in (DEPLOYMENT_GROUPS, EXECUTION_GROUPS)]  # not built yet
FROM_DEPLOYMENT = {"blueprint_id", "deployment_id"}  # columns of workflows that the command line adds
PATHS = {path for routes in RESOURCES for _, path in routes.permissions}


@pytest.fixture
def schemas() -> AnswerSchemas:
    return answer_schemas()


@pytest.mark.parametrize("resource", SERVED, ids=lambda resource: resource.name)
def test_noun_is_complete(resource: Resource):
    assert f"/{resource.path}" in PATHS, f"add a Noun of {resource.name} in manager/rest/, and its routes in server.py"
    assert re.split("[ /]", resource.name)[0] in SUMMARIES, (
        f"add {resource.name} to SUMMARIES in main.py, and a command"
    )


@pytest.mark.parametrize("resource", SERVED, ids=lambda resource: resource.name)
def test_columns_of_noun_are_fields_of_its_answer(resource: Resource, schemas: AnswerSchemas):
    operation = schemas.document["paths"][f"{PREFIX}/{resource.path}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    components = schemas.document["components"]["schemas"]
    item = components[schema["$ref"].rpartition("/")[2]]["properties"]["items"]["items"]
    fields = components[item["$ref"].rpartition("/")[2]]["properties"]
    shown = {resource.field(column) for column in (*resource.columns, *resource.more)}
    shown -= FROM_DEPLOYMENT if resource is WORKFLOWS else set()
    missing = {*shown, *resource.search, resource.key} - fields.keys()
    assert not missing, f"contract/resources.py names fields of {resource.name} that its answer does not have"


def test_permissions_of_endpoints_have_roles():
    missing = {permission for _, _, permission in permissions()} - ROLES_WITH.keys() - AGENT_PERMISSIONS
    assert not missing, "give these permissions default roles in services/identity/permissions.py"
