"""The published specification of the API: each endpoint is served, typed, and has the fields that it names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cfy_cli.manager.rest.api import PREFIX
from cfy_cli.manager.server import create_app
from cfy_cli.manager.services.context import AppContext
from tests.specification import Row, read_rows

Schema = Mapping[str, Any]
FIELDS = {name: fields.split() for name, fields in {
    "Agent": "id host_id ip install_method system version node deployment",
    "Blueprint": "created_at description id main_file_name plan requirements updated_at labels",
    "Capabilities": "deployment_id capabilities",
    "Deleted": "count",
    "Dependency": "id dependency_creator source_deployment_id target_deployment_id created_at visibility",
    "Deployment": "blueprint_id created_at created_by description groups id inputs outputs capabilities site_name"
    " policy_triggers policy_types tenant_name updated_at workflows labels latest_execution_status"
    " installation_status deployment_status sub_services_status sub_environments_status sub_services_count"
    " sub_environments_count environment_type create_execution latest_execution latest_execution_total_operations"
    " latest_execution_finished_operations",
    "DeploymentCapabilities": "deployment_id capabilities",
    "Event": "blueprint_id deployment_id error_causes event_type execution_id level logger message node_instance_id"
    " node_name operation reported_timestamp timestamp type workflow_id manager_name agent_name",
    "Execution": "blueprint_id created_at ended_at created_by deployment_id error id is_system_workflow parameters"
    " status tenant_name workflow_id started_at scheduled_for",
    "Filter": "id value labels_filter_rules attrs_filter_rules visibility created_at updated_at tenant_name",
    "Imported": "",
    "Ldap": "ldap_server ldap_username ldap_domain ldap_is_active_directory ldap_dn_extra",
    "License": "id customer_id expiration_date license_edition trial cloudify_version capabilities expired",
    "ListedSecret": "key is_hidden_value visibility tenant_name provider_name created_by created_at updated_at",
    "Manager": "id hostname private_ip public_ip version edition distribution distro_release fs_sync_node_id networks"
    " ca_cert_content",
    "Metric": "id blueprint_id deployment_id execution_id timestamp name value",
    "MetricsOverview": "event_type event_id average_duration success_rate",
    "Node": "actual_number_of_instances actual_planned_number_of_instances blueprint_id deploy_number_of_instances"
    " deployment_id host_id id max_number_of_instances min_number_of_instances number_of_instances operations"
    " planned_number_of_instances plugins_to_install plugins properties relationships tenant_name type_hierarchy type"
    " unavailable_instances drifted_instances",
    "NodeInstance": "created_by deployment_id node_id host_id id relationships runtime_properties state tenant_name"
    " version",
    "Operation": "id name state dependencies type parameters tasks_graph manager_name agent_name",
    "Outputs": "deployment_id outputs",
    "Permission": "permission role",
    "Plugin": "archive_name blueprint_labels created_by distribution_release distribution_version distribution"
    " excluded_wheels id installation_state package_name package_source package_version resource_tags"
    " supported_platform supported_py_versions tenant_name title uploaded_at wheels",
    "ScalingGroup": "name members properties",
    "Secret": "key schema is_hidden_value visibility tenant_name provider_name provider_options created_by created_at"
    " updated_at",
    "SecretsProvider": "id name type connection_parameters visibility tenant_name created_by created_at updated_at",
    "Site": "name location visibility tenant_name created_at created_by",
    "Status": "status services",
    "Summary": "",
    "TasksGraph": "id execution_id name",
    "Tenant": "id name",
    "Token": "role value",
    "User": "active username first_login_at last_login_at is_locked tenant_roles role groups tenants"
    " group_system_roles show_getting_started",
    "UserGroup": "id ldap_dn name",
    "Version": "date commit version build edition",
    "Workflow": "name created_at parameters plugin operation is_available",
}.items()}  # fmt: skip
NO_BODY = {  # what these take is in the path or in the query
    ("POST", "/tenants/{tenant_name}"),
    ("PUT", "/permissions/{role_name}/{permission_name}"),
}


def concrete(path: str) -> list[str]:
    """Return paths with values for the parameters of a path."""
    paths = [path.replace("{resource}", name) for name in ("blueprints", "deployments")]
    return sorted({re.sub(r"{\w+}", "x", each) for each in paths})


class Document:
    """The OpenAPI document of the manager."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        paths = sorted(document["paths"], key=lambda path: path.count("{"))
        self._patterns = [(re.compile(re.sub(r"{[^}]+}", "[^/]+", path)), path) for path in paths]

    def operations(self, row: Row) -> Iterator[Schema | None]:
        """Yield the operation of each path that a row stands for; None where there is none."""
        for path in concrete(row.path):
            found = (
                self._document["paths"][template].get(row.method.lower())
                for pattern, template in self._patterns
                if pattern.fullmatch(PREFIX + path)
            )
            yield next(filter(None, found), None)

    def answer(self, operation: Schema) -> Schema:
        """Return the schema of the JSON that a request which succeeds is answered."""
        answers = [each for status, each in operation["responses"].items() if status.startswith("2")]
        return self.resolve(answers[0].get("content", {}).get("application/json", {}).get("schema", {}))

    def resolve(self, schema: Schema) -> Schema:
        for each in schema.get("anyOf", [])[:1]:
            schema = each
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self.resolve(self._document["components"]["schemas"][name])
        return schema

    def items(self, schema: Schema) -> Schema:
        return self.resolve(self.resolve(schema.get("properties", {}).get("items", {})).get("items", {}))


pytestmark = pytest.mark.sqlite


@pytest.fixture
def document(app: AppContext) -> Document:
    return Document(create_app(app).openapi())


def test_every_endpoint_of_the_specification_is_served(document: Document) -> None:
    missing = [f"{row.method} {row.path}" for row in read_rows() if None in document.operations(row)]
    assert missing == []


def test_answers_have_the_fields_of_the_specification(document: Document) -> None:
    faults = []
    for row in read_rows():
        for operation in filter(None, document.operations(row)):
            answer, kind = document.answer(operation), row.answer
            if kind.endswith("*"):
                answer, kind = document.items(answer), kind[:-1]
            fields = FIELDS.get(kind, [])
            lacking = sorted(set(fields) - set(answer.get("properties", ())))
            if lacking or (kind == "text" and answer.get("type") != "string"):
                faults.append(f"{row.method} {row.path} ({kind}): {lacking}")
    assert not faults, "\n".join(faults)


def test_bodies_of_the_specification_are_typed(document: Document) -> None:
    faults = []
    for row in read_rows():
        if row.method not in ("PUT", "POST", "PATCH") or (row.method, row.path) in NO_BODY:
            continue
        for operation in filter(None, document.operations(row)):
            content = operation.get("requestBody", {}).get("content", {})
            as_json = document.resolve(content.get("application/json", {}).get("schema", {}))
            is_typed = as_json.get("properties") or as_json.get("items") or (set(content) - {"application/json"})
            if not is_typed:
                faults.append(f"{row.method} {row.path}")
    assert not faults, "\n".join(faults)
