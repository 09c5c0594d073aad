"""Secrets overriding HTTP: encryption, visibility of values, schemas, export and import."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cfy_cli.errors import Invalid
from cfy_cli.manager import maintenance
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.encryption.cipher import Cipher
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.services.secrets.passphrases import Passphrase
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.models import Secret
from cfy_cli.manager.store.scope import system_scope
from tests.cli.canned_manager import canned
from tests.conftest import Ask

Run = Callable[..., dict[str, Any]]
PASSWORD = "password-of-a-user"
HEAD = "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\n"


@pytest.fixture
def members(ask: Ask) -> None:
    """In tenant red: una and uwe are users, mia a manager, vera a viewer."""
    ask("POST", "/tenants/red")
    for name, role in (("una", "user"), ("uwe", "user"), ("mia", "manager"), ("vera", "viewer")):
        ask("PUT", "/users", json={"username": name, "password": PASSWORD})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "red", "role": role})


@pytest.fixture
def as_user(ask: Ask) -> Callable[..., Any]:
    def as_user(name: str, method: str, path: str, **options: Any) -> Any:
        return ask(method, path, user=name, password=PASSWORD, tenant="red", **options)

    return as_user


def test_secret_is_created_read_changed_and_deleted(ask: Ask):
    created = ask("PUT", "/secrets/db", json={"value": "canary", "update_if_exists": False})
    assert created.status_code == 200, created.text
    assert (created.json()["key"], created.json()["visibility"], created.json()["is_hidden_value"]) == (
        "db",
        "tenant",
        False,
    )
    assert "canary" not in created.text
    read = ask("GET", "/secrets/db").json()
    assert list(read) == ["created_at", "visibility", "value", "updated_at", "is_hidden_value", "schema",
                          "provider_options", "key", "provider_name", "tenant_name", "created_by",
                          "resource_availability", "private_resource"]  # fmt: skip
    assert read["value"] == "canary"
    assert ask("GET", "/secrets/db?_skip_value=true").json()["value"] == ""
    changed = ask("PATCH", "/secrets/db", json={"value": "newer", "provider_options": {}})
    assert changed.status_code == 200
    assert "newer" not in changed.text
    assert ask("GET", "/secrets/db").json()["value"] == "newer"
    assert ask("PATCH", "/secrets/db/set-visibility", json={"visibility": "global"}).json()["visibility"] == "global"
    assert ask("DELETE", "/secrets/db").status_code == 204
    assert ask("GET", "/secrets/db").status_code == 404


def test_lists_never_contain_values(ask: Ask):
    for key in ("a", "db-1", "db-2"):
        ask("PUT", f"/secrets/{key}", json={"value": "canary"})
    page = ask("GET", "/secrets", params={"_search": "db"})
    assert [item["key"] for item in page.json()["items"]] == ["db-1", "db-2"]
    assert list(page.json()["items"][0]) == ["key", "created_at", "updated_at", "resource_availability", "visibility",
                                             "tenant_name", "created_by", "is_hidden_value",
                                             "provider_name"]  # fmt: skip
    for query in ({"_include": "value"}, {"_include": "sealed"}, {"value": "canary"}, {"_sort": "value"}):
        assert ask("GET", "/secrets", params=query).status_code == 400, query
    rules = [{"key": "key", "values": ["db"], "operator": "starts_with", "type": "attribute"}]
    found = ask("POST", "/searches/secrets", json={"filter_rules": rules}).json()
    assert (len(found["items"]), found["metadata"]["filtered"]) == (2, 1)


def test_existing_secret_is_changed_only_with_update_if_exists(ask: Ask):
    ask("PUT", "/secrets/db", json={"value": "one", "visibility": "private"})
    assert ask("PUT", "/secrets/db", json={"value": "two"}).status_code == 409
    assert ask("PUT", "/secrets/db", json={"value": "two", "update_if_exists": True}).status_code == 200
    now = ask("GET", "/secrets/db").json()
    assert (now["value"], now["visibility"]) == ("two", "private")


@pytest.mark.parametrize(
    "body", [{}, {"value": ""}, {"value": 5}, {"value": {"a": 1}}, {"value": "v", "provider_name": "vault"},
             {"value": "v", "visibility": "all"}, {"value": {}, "schema": {"type": "nothing"}}],
)  # fmt: skip
def test_invalid_secret_is_refused(ask: Ask, body: dict[str, Any]):
    assert ask("PUT", "/secrets/db", json=body).status_code in (400, 404)
    assert ask("GET", "/secrets").json()["items"] == []


def test_value_must_match_the_schema(ask: Ask):
    schema = {"type": "object", "properties": {"port": {"type": "integer", "maximum": 10}}}
    refused = ask("PUT", "/secrets/db", json={"value": {"port": 7777}, "schema": schema})
    assert refused.status_code == 409
    sentence = 'Error validating secret value: at `port` it breaks the schema\'s rule {"maximum": 10}'
    assert refused.json()["message"] == sentence
    assert ask("PUT", "/secrets/db", json={"value": {"port": 7}, "schema": schema}).status_code == 200
    assert ask("GET", "/secrets/db").json()["value"] == {"port": 7}
    assert ask("PATCH", "/secrets/db", json={"value": {"port": "canary"}}).status_code == 409
    assert ask("PATCH", "/secrets/db", json={"value": {"port": 8}}).status_code == 200
    assert ask("GET", "/secrets/db").json()["value"] == {"port": 8}
    again = ask("PUT", "/secrets/db", json={"value": {"port": 99}, "update_if_exists": True})
    assert again.status_code == 409


def test_schema_reference_is_not_fetched(ask: Ask):
    with canned({"schema.json": {"type": "integer"}}) as (address, requests):
        schema = {"$ref": f"{address}/api/v3.1/schema.json"}
        answer = ask("PUT", "/secrets/db", json={"value": 1, "schema": schema})
    assert (answer.status_code, requests) == (400, [])
    assert "which is not in it" in answer.json()["message"]


@pytest.mark.usefixtures("members")
def test_hidden_value_is_visible_to_creator_and_administrators(ask: Ask, as_user: Callable[..., Any]):
    as_user("una", "PUT", "/secrets/db", json={"value": "canary", "is_hidden_value": True})
    seen = {name: as_user(name, "GET", "/secrets/db").json()["value"] for name in ("una", "uwe", "mia", "vera")}
    assert seen == {"una": "canary", "uwe": "", "mia": "canary", "vera": ""}
    assert ask("GET", "/secrets/db", tenant="red").json()["value"] == "canary"
    for method, path, body in (
        ("PATCH", "/secrets/db", {"value": "stolen"}),
        ("PATCH", "/secrets/db", {"is_hidden_value": False}),
        ("PATCH", "/secrets/db/set-visibility", {"visibility": "tenant"}),
        ("PUT", "/secrets/db", {"value": "stolen", "update_if_exists": True}),
        ("DELETE", "/secrets/db", None),
    ):
        assert as_user("uwe", method, path, json=body).status_code == 403, (method, body)
    assert as_user("uwe", "GET", "/secrets/share/export").json() == []
    again = as_user("una", "PUT", "/secrets/db", json={"value": "newer", "update_if_exists": True})
    assert again.json()["is_hidden_value"] is True


@pytest.mark.usefixtures("members")
def test_value_is_hidden_only_by_its_creator(as_user: Callable[..., Any]):
    as_user("una", "PUT", "/secrets/db", json={"value": "canary"})
    assert as_user("uwe", "PATCH", "/secrets/db", json={"is_hidden_value": True}).status_code == 403
    assert as_user("una", "PATCH", "/secrets/db", json={"is_hidden_value": True}).status_code == 200
    assert as_user("una", "PATCH", "/secrets/db", json={"creator": "uwe"}).status_code == 403
    assert as_user("una", "PATCH", "/secrets/db", json={}).status_code == 400


def test_owner_of_a_secret_can_be_changed(ask: Ask, members: None):
    ask("PUT", "/secrets/db", json={"value": "canary"})
    assert ask("PATCH", "/secrets/db", json={"creator": "una"}).json()["created_by"] == "una"
    assert ask("PATCH", "/secrets/db", json={"creator": "nobody"}).status_code == 404


@pytest.mark.usefixtures("members")
def test_hidden_value_is_hidden_from_managers_of_other_tenants(ask: Ask):
    ask("POST", "/tenants/blue")
    ask("PUT", "/users", json={"username": "max", "password": PASSWORD})
    ask("PUT", "/tenants/users", json={"username": "max", "tenant_name": "blue", "role": "manager"})
    ask("PUT", "/secrets/all", tenant="red", json={"value": "canary", "is_hidden_value": True, "visibility": "global"})
    seen = ask("GET", "/secrets/all", user="max", password=PASSWORD, tenant="blue")
    assert (seen.status_code, seen.json()["value"]) == (200, "")


def test_exported_secrets_are_imported_into_another_tenant(ask: Ask):
    for tenant in ("red", "blue"):
        ask("POST", f"/tenants/{tenant}")
    ask("PUT", "/secrets/db", tenant="red", json={"value": "canary"})
    ask("PUT", "/secrets/json", tenant="red", json={"value": [1], "schema": {"type": "array"}})
    assert ask("GET", "/secrets/share/export?_passphrase=short").status_code == 400
    exported = ask("GET", "/secrets/share/export", tenant="red", params={"_passphrase": "passphrase8"}).json()
    assert "canary" not in json.dumps(exported)
    assert {name: value for name, value in exported[0].items() if name != "value"} == {
        "key": "db", "visibility": "tenant", "tenant_name": "red", "is_hidden_value": False, "encrypted": True,
        "provider": None, "provider_options": None,
    }  # fmt: skip
    request = {"secrets_list": exported, "tenant_map": {"red": "blue"}, "override_collisions": False}
    wrong = ask("POST", "/secrets/share/import", json={**request, "passphrase": "another-one"}).json()
    assert set(wrong["secrets_errors"]) == {"0", "1"}
    assert "another passphrase" in wrong["secrets_errors"]["0"]["secret"]
    first = ask("POST", "/secrets/share/import", json={**request, "passphrase": "passphrase8"}).json()
    assert first == {"colliding_secrets": {}, "secrets_errors": {}}
    assert ask("GET", "/secrets/db", tenant="blue").json()["value"] == "canary"
    assert ask("GET", "/secrets/json", tenant="blue").json()["value"] == [1]
    ask("PATCH", "/secrets/db", tenant="blue", json={"value": "other"})
    second = ask("POST", "/secrets/share/import", json={**request, "passphrase": "passphrase8"}).json()
    assert second["colliding_secrets"] == {"blue": ["db", "json"]}
    assert ask("GET", "/secrets/db", tenant="blue").json()["value"] == "other"
    overriding = {**request, "override_collisions": True, "passphrase": "passphrase8"}
    assert ask("POST", "/secrets/share/import", json=overriding).json()["colliding_secrets"] == {"blue": ["db", "json"]}
    assert ask("GET", "/secrets/db", tenant="blue").json()["value"] == "canary"


def test_import_reports_invalid_secrets_by_index(ask: Ask):
    good = {"key": "db", "value": "v", "visibility": "tenant", "tenant_name": "default_tenant",
            "is_hidden_value": False, "encrypted": False}  # fmt: skip
    items = [{"key": "x"}, {**good, "tenant_name": ["no"]}, {**good, "visibility": "all", "is_hidden_value": "?"},
             {**good, "encrypted": True}, {**good, "tenant_name": "nowhere"}, {**good, "provider": "vault"},
             {**good, "value": {"a": 1}}, {**good, "value": "[", "schema": {"type": "array"}}, good]  # fmt: skip
    answer = ask("POST", "/secrets/share/import", json={"secrets_list": items})
    assert answer.status_code == 200, answer.text
    errors = answer.json()["secrets_errors"]
    assert set(errors) == {str(index) for index in range(8)}
    assert errors["0"] == {
        "missing secret fields": ["is_hidden_value", "visibility", "tenant_name", "encrypted", "value"]
    }
    assert errors["3"] == {"No passphrase": "The secret is encrypted but no passphrase was given"}
    assert [item["key"] for item in ask("GET", "/secrets").json()["items"]] == ["db"]
    nowhere = {"secrets_list": [], "tenant_map": {"default_tenant": "nowhere"}}
    assert ask("POST", "/secrets/share/import", json=nowhere).status_code == 400


@pytest.mark.usefixtures("members")
def test_import_requires_the_permission_in_the_target_tenant(ask: Ask, as_user: Callable[..., Any]):
    item = {"key": "db", "value": "v", "visibility": "tenant", "tenant_name": "default_tenant",
            "is_hidden_value": False, "encrypted": False}  # fmt: skip
    answer = as_user("una", "POST", "/secrets/share/import", json={"secrets_list": [item]}).json()
    assert answer["secrets_errors"] == {"0": {"tenant_name": "The tenant `default_tenant` was not found"}}
    assert ask("GET", "/secrets").json()["items"] == []


def test_passphrase_decrypts_exports_of_other_managers():
    """Encrypted with cloudify-common 7.0.5: encrypt("canary", generate_key_using_password("passphrase8"))."""
    encrypted = "gAAAAABrBIhU5UfOfCUo8QG1654GWok-b-ITusPX_9RCU8G8kvqGDzu0iJ92WofJYZNeJpEFSDWrFFye1mspfs4MGl8xvSIJog=="
    assert Passphrase("passphrase8").decrypt(encrypted) == "canary"
    assert Passphrase("passphrase8").decrypt(Passphrase("passphrase8").encrypt("ключ\n")) == "ключ\n"


def test_tenant_with_secrets_is_not_deleted(ask: Ask):
    ask("POST", "/tenants/red")
    ask("PUT", "/secrets/db", tenant="red", json={"value": "v"})
    refused = ask("DELETE", "/tenants/red")
    assert refused.status_code == 409
    assert "secrets" in refused.json()["message"]


def test_secrets_cannot_be_stored_without_the_encryption_key(ask: Ask, app: AppContext):
    ask("PUT", "/secrets/db", json={"value": "canary"})
    key = app.settings.data_dir / "secrets.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.rename(key.with_name("lost"))
    other = AppContext(app.settings)
    bootstrap(other)
    with pytest.raises(Exception, match="encryption key cannot be read"):
        _create(other)
    assert not key.exists()  # a new key could not decrypt the existing secrets
    other.close()
    wrong_key = AppContext(
        ManagerSettings(app.settings.data_dir, app.settings.database_url, encryption_key="A" * 43 + "=")
    )
    with pytest.raises(Exception, match="is not the one that its secrets were encrypted with"):
        _create(wrong_key)
    wrong_key.close()


ENCRYPTED = {  # requests that store something encrypted
    "secret": ("PUT", "/secrets/db", {"value": "canary"}),
    "provider": ("PUT", "/secrets-providers", {
        "name": "vault", "type": "vault",
        "connection_parameters": {"url": "https://vault.example.com", "token": "canary", "path": "p"},
    }),
    "password": ("PUT", "/config/ldap_password", {"value": "canary"}),
}  # fmt: skip


@pytest.mark.sqlite
@pytest.mark.parametrize("kind", ENCRYPTED)
def test_lost_encryption_key_is_not_replaced(ask: Ask, app: AppContext, kind: str):
    method, path, body = ENCRYPTED[kind]
    assert ask(method, path, json=body).status_code == 200
    key = app.settings.data_dir / "secrets.key"
    key.rename(key.with_name("lost"))
    app.service(Cipher)._fernet = None  # as after a restart
    for method, path, body in ENCRYPTED.values():
        name = "other" if path.startswith("/secrets-") else body.get("name")
        changed = {**body, "name": name} if name else body
        refused = ask(method, path.replace("/db", "/other"), json=changed)
        assert refused.status_code == 503, f"{path}: {refused.text}"
    assert not key.exists()


def test_backup_contains_the_encryption_key(tmp_path: Path):
    settings, elsewhere = ManagerSettings(tmp_path / "one"), ManagerSettings(tmp_path / "two")
    one = AppContext(settings)
    bootstrap(one)
    _create(one)
    one.close()
    maintenance.back_up(settings, tmp_path / "backup.tar.gz")
    maintenance.restore(elsewhere, tmp_path / "backup.tar.gz")
    two = AppContext(elsewhere)
    with two.reading(system_scope("default_tenant")) as store:
        assert secrets.find_value(two, store, store.get(Secret, "other"))() == "v"
    two.close()
    assert (elsewhere.data_dir / "secrets.key").stat().st_mode & 0o777 == 0o600


def _create(app: AppContext) -> None:
    with app.writing(system_scope("default_tenant")) as store:
        secrets.create(app, store, "other", "v")


def test_invalid_encryption_key_is_refused(tmp_path: Path):
    app = AppContext(ManagerSettings(tmp_path, encryption_key="short"))
    with pytest.raises(Invalid, match="32 bytes in base64"):
        app.service(Cipher)
    app.close()
