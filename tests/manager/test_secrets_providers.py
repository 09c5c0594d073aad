"""Secrets providers: what is kept of them, what they are asked, and what happens when they fail."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cfy_cli.contract.limits import Limits
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.store.models import SecretsProvider
from cfy_cli.manager.store.scope import system_scope
from cfy_cli.manager.worker import Worker
from tests.conftest import Ask
from tests.manager.conftest import HELLO, SAY, Upload
from tests.manager.processes import wait_until
from tests.manager.vault import TOKEN, vault

PROVIDER = "/secrets-providers"


@pytest.fixture
def limits() -> Limits:
    return Limits(secrets_provider_time=1)


@pytest.fixture
def server() -> Iterator[vault]:
    entries = {"production": {"db": "canary", "port": 5432}, "production/eu": {"db": "european"}}
    with vault(**entries) as server:
        yield server


@pytest.fixture
def provide(ask: Ask, server: vault) -> Callable[..., Any]:
    """Create the provider `vault`."""

    def provide(**more: Any) -> Any:
        body = {"name": "vault", "type": "vault", "connection_parameters": server.parameters, **more}
        return ask("PUT", PROVIDER, json=body)

    return provide


def test_provider_is_created_changed_and_deleted(ask: Ask, provide: Any, app: AppContext, server: vault) -> None:
    created = provide()
    assert created.status_code == 200, created.text
    assert list(created.json()) == [
        "created_at", "id", "visibility", "name", "type", "connection_parameters", "updated_at", "tenant_name",
        "created_by", "resource_availability", "private_resource",
    ]  # fmt: skip
    assert created.json()["id"] == created.json()["name"] == "vault"
    assert created.json()["connection_parameters"] is created.json()["updated_at"] is None
    assert provide().status_code == 409
    with app.reading(system_scope("default_tenant")) as store:
        assert TOKEN not in store.get(SecretsProvider, "vault").encrypted_parameters
    changed = ask("PATCH", f"{PROVIDER}/vault", json={"name": "vault", "visibility": "global"})
    assert (changed.json()["visibility"], changed.json()["updated_at"] is None) == ("global", False)
    assert ask("PATCH", f"{PROVIDER}/vault", json={"visibility": "tenant"}).status_code == 400
    assert ask("PATCH", f"{PROVIDER}/vault", json={"name": "other"}).status_code == 400
    assert ask("PATCH", f"{PROVIDER}/vault", json={}).status_code == 400
    page = ask("GET", PROVIDER, params={"type": "vault", "_search": "va"})
    answers = [ask("GET", "/secrets-provider/vault").json(), ask("GET", f"{PROVIDER}/vault").json()]
    assert page.json()["items"] == [answers[0]] == [answers[1]]
    assert TOKEN not in page.text
    assert server.paths == []
    assert ask("DELETE", f"{PROVIDER}/vault").status_code == 204
    assert ask("GET", f"{PROVIDER}/vault").status_code == 404


URL = {"token": "t", "path": "p"}
HOST = {"username": "u", "password": "p", "tenant": "t"}


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("type_name", "parameters", "sentence"),
    [
        ("aws", {}, "is not a type of secrets providers"),
        ("local", {"url": "x"}, "Unknown connection parameters: url"),
        ("vault", {"url": "http://v", "token": "t"}, "Missing connection parameters: path"),
        ("vault", {"url": "http://v", "token": "", "path": "p"}, "Missing connection parameters: token"),
        ("vault", {**URL, "url": "http://v", "user": "u"}, "Unknown connection parameters: user"),
        ("vault", {**URL, "url": "file:///etc/passwd"}, "`url` must be"),
        ("vault", {**URL, "url": "http://canary:pw@v"}, "`url` must be"),
        ("vault", {**URL, "url": "http://v:99999"}, "`url` must be"),
        ("vault", {**URL, "url": 5}, "`url` must be text"),
        ("vault", {**URL, "url": "http://v", "token": "a\nb"}, "cannot be sent in a header"),
        ("vault", {**URL, "url": "http://v", "path": "../sys"}, "without the parts"),
        ("cloudify", {**HOST, "host": "h/x"}, "must be a host"),
        ("cloudify", {**HOST, "host": "h", "protocol": "ftp"}, "must be http or https"),
        ("cloudify", {**HOST, "host": "h", "cert": "/etc/passwd"}, "the text of a certificate"),
    ],
)
def test_invalid_connection_is_refused(ask: Ask, type_name: str, parameters: dict[str, Any], sentence: str) -> None:
    for test in (False, True):
        body = {"name": "p", "type": type_name, "connection_parameters": parameters, "test": test}
        refused = ask("PUT", PROVIDER, json=body)
        assert (refused.status_code, sentence in refused.json()["message"]) == (400, True), refused.text
        assert "canary" not in refused.text
    assert ask("GET", PROVIDER).json()["items"] == []


@pytest.mark.sqlite
def test_test_asks_the_provider_and_keeps_nothing(ask: Ask, provide: Any, server: vault) -> None:
    assert provide(test=True).status_code == 204
    assert server.paths == ["/v1/auth/token/lookup-self"]
    assert ask("GET", PROVIDER).json()["items"] == []
    refused = provide(test=True, connection_parameters={**server.parameters, "token": "wrong"})
    assert refused.status_code == 400
    assert refused.json()["error_code"] == "secrets_provider_error"
    assert (
        refused.json()["message"]
        == "The secrets provider `vault` refuses the credentials that it was given: it answered 403"
    )
    assert ask("PUT", PROVIDER, json={"test": True}).status_code == 400
    assert ask("PUT", PROVIDER, json={"test": True, "name": "vault", "type": ""}).status_code == 404
    provide()
    assert ask("PUT", PROVIDER, json={"test": True, "name": "vault", "type": ""}).status_code == 204
    assert ask("PUT", PROVIDER, json={"test": True, "type": "local"}).status_code == 204


def test_secret_is_read_at_its_provider(ask: Ask, provide: Any, server: vault) -> None:
    provide()
    made = ask("PUT", "/secrets/db", json={"value": None, "provider_name": "vault"})
    assert (made.status_code, made.json()["value"], made.json()["provider_name"]) == (200, "", "vault")
    ask("PUT", "/secrets/port", json={"provider_name": "vault", "schema": {"type": "integer"}})
    assert server.paths == []
    assert ask("GET", "/secrets/db").json()["value"] == "canary"
    assert ask("GET", "/secrets/port").json()["value"] == 5432
    assert server.paths == ["/v1/secret/data/production"] * 2
    assert server.headers[0]["x-vault-token"] == TOKEN
    assert ask("GET", "/secrets/db?_skip_value=true").json()["value"] == ""
    moved = ask("PATCH", "/secrets/db", json={"provider_options": {"path": "/eu/"}})
    assert moved.json()["provider_options"] == {"path": "/eu/"}
    assert ask("GET", "/secrets/db").json()["value"] == "european"
    assert server.paths[-1] == "/v1/secret/data/production/eu"
    refused = ask("PATCH", "/secrets/db", json={"value": "new"})
    assert "it is changed there" in refused.json()["message"]
    kept = ask("PATCH", "/secrets/db", json={"value": "new", "provider_name": ""})
    assert (kept.json()["provider_name"], kept.json()["provider_options"]) == (None, None)
    assert ask("GET", "/secrets/db").json()["value"] == "new"
    assert ask("PATCH", "/secrets/db", json={"provider_name": "vault", "value": ""}).json()["value"] == ""
    assert ask("GET", "/secrets/db").json()["value"] == "canary"


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"provider_name": "nowhere"}, 404, "`SecretsProvider` with ID `nowhere` was not found"),
        ({"provider_name": "vault", "value": "v"}, 400, "it is changed there"),
        ({"provider_name": "vault", "visibility": "global"}, 400, "that of its secrets provider `vault` is `tenant`"),
        ({"provider_name": "vault", "provider_options": {"path": "../x"}}, 400, "without the parts"),
        ({"provider_name": "vault", "provider_options": {"name": "x"}}, 400, "takes only path"),
        ({"provider_name": "vault", "schema": {"type": "nothing"}}, 400, "is not a valid JSON schema"),
        ({"provider_options": {"path": "x"}, "value": "v"}, 400, "give a `provider_name` too"),
        ({"provider_name": "here"}, 400, "The value of a secret is text"),
        ({"provider_name": "here", "value": "v", "provider_options": {"path": "x"}}, 400, "takes none"),
    ],
)
def test_invalid_source_of_secret_is_refused(
    ask: Ask, provide: Any, body: dict[str, Any], status: int, sentence: str
) -> None:
    provide()
    ask("PUT", PROVIDER, json={"name": "here", "type": "local"})
    refused = ask("PUT", "/secrets/db", json=body)
    assert (refused.status_code, sentence in refused.json()["message"]) == (status, True), refused.text
    assert ask("GET", "/secrets").json()["items"] == []


@pytest.mark.sqlite
def test_local_provider_keeps_values_here(ask: Ask) -> None:
    ask("PUT", PROVIDER, json={"name": "here", "type": "local"})
    ask("PUT", "/secrets/db", json={"value": "v", "provider_name": "here"})
    assert ask("GET", "/secrets/db").json()["value"] == "v"
    ask("PATCH", "/secrets/db", json={"value": "w"})
    assert ask("GET", "/secrets/db").json()["value"] == "w"


FAILURES = [
    ("drip", "did not answer within 1 seconds"),
    ("hang", "did not answer within 1 seconds"),
    ("redirect", "answered 307 when it was asked for the secret at `production`"),
    ("fill", "answered more than 1 MiB"),
    (404, "has no secret at `production`: it answered 404"),
    (403, "refuses the credentials"),
    (500, "answered 500"),
    (503, "answered 503"),
    ("[]", "did not answer as Vault does"),
    ("<html>", "did not answer as Vault does"),
    ('{"data": {"data": []}}', "did not answer with entries"),
    ('{"data": {"data": {"db": ""}}}', "has no entry `db` in the secret at `production`, or it is empty"),
    ('{"data": {"data": {"db": "\\ud800"}}}', "cannot be used"),
    ("[" * 100_000, "did not answer as Vault does"),
]


@pytest.mark.sqlite
def test_provider_that_fails_is_named_in_time(ask: Ask, provide: Any, server: vault) -> None:
    provide()
    ask("PUT", "/secrets/db", json={"provider_name": "vault"})
    for behaviour, sentence in FAILURES:
        server.behaviour = behaviour
        failed = ask("GET", "/secrets/db")
        assert failed.status_code == 400, failed.text
        message = failed.json()["message"]
        assert message.startswith("The secrets provider `vault` "), message
        assert sentence in message
        assert "canary" not in failed.text
    assert 0 < server.dripped < 35, "its connection was not ended"
    server.server.server_close()
    assert "cannot be reached" in ask("GET", "/secrets/db").json()["message"]
    assert ask("PUT", PROVIDER, json={"name": "vault", "test": True}).status_code == 400


@pytest.mark.sqlite
@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "a" * 70, "nowhere.invalid"])
def test_provider_at_refused_address_is_not_asked(ask: Ask, host: str) -> None:
    body = {
        "type": "vault",
        "connection_parameters": {"url": f"http://{host}", "token": "t", "path": "p"},
        "test": True,
    }
    refused = ask("PUT", PROVIDER, json=body)
    assert refused.status_code == 400
    assert "cannot be" in refused.json()["message"], refused.text


@pytest.mark.sqlite
def test_provider_in_private_network_needs_permission(ask: Ask, provide: Any, app: AppContext) -> None:
    object.__setattr__(app.settings, "host", "0.0.0.0")
    refused = provide(test=True).json()
    assert "is at 127.0.0.1, which is not a public address" in refused["message"]
    assert refused["hint"].endswith("cfy manager start --fetch-from 127.0.0.1")
    object.__setattr__(app.settings, "fetch_from", ("127.0.0.0/8",))
    assert provide(test=True).status_code == 204


@pytest.mark.sqlite
def test_proxies_and_tokens_of_the_owner_are_not_used(
    provide: Any, server: vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "VAULT_ADDR"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    assert provide(test=True).status_code == 204
    assert server.headers[0]["x-vault-token"] == TOKEN


@pytest.mark.sqlite
def test_requests_to_one_provider_are_few(ask: Ask, provide: Any, app: AppContext, server: vault) -> None:
    from cfy_cli.manager.services.secrets.provider_requests import ProviderRequests

    provide()
    ask("PUT", "/secrets/db", json={"provider_name": "vault"})
    with app.reading(system_scope("default_tenant")) as store:
        slot = app.service(ProviderRequests)._slots[store.get(SecretsProvider, "vault").storage_id]
    for _ in range(app.settings.limits.secrets_provider_requests):
        slot.acquire()
    failed = ask("GET", "/secrets/db").json()
    assert "secrets_provider_requests" in failed["hint"]
    assert server.paths == []


def test_provider_in_use_is_not_deleted(ask: Ask, provide: Any) -> None:
    provide()
    ask("PUT", "/secrets/db", json={"provider_name": "vault", "visibility": "private"})
    refused = ask("DELETE", f"{PROVIDER}/vault")
    assert refused.status_code == 409
    assert refused.json()["message"] == "The secrets provider `vault` cannot be deleted: 1 secret uses it: db"
    assert ask("PATCH", f"{PROVIDER}/vault", json={"type": "local"}).status_code == 409
    found = ask("GET", "/secrets", params={"provider_name": "vault"}).json()["items"]
    assert [secret["key"] for secret in found] == ["db"]
    ask("DELETE", "/secrets/db")
    assert ask("PATCH", f"{PROVIDER}/vault", json={"type": "local"}).json()["type"] == "local"
    assert ask("DELETE", f"{PROVIDER}/vault").status_code == 204


@pytest.mark.sqlite
def test_new_address_without_credentials_is_refused(ask: Ask, provide: Any) -> None:
    provide()
    refused = ask("PATCH", f"{PROVIDER}/vault", json={"connection_parameters": {"url": "http://127.0.0.1:1"}})
    assert refused.json()["message"] == "Missing connection parameters: token, path"


@pytest.mark.sqlite
def test_export_and_import_carry_the_provider(ask: Ask, provide: Any) -> None:
    provide()
    ask("PUT", "/secrets/db", json={"provider_name": "vault", "provider_options": {"path": "eu"}})
    exported = ask("GET", "/secrets/share/export?_passphrase=long-enough").json()
    [item] = exported
    assert (item["value"], item["provider"], item["provider_options"]) == ("", "vault", {"path": "eu"})
    ask("DELETE", "/secrets/db")
    body = {"secrets_list": [*exported, {**item, "key": "x", "provider": "nowhere"}], "passphrase": "long-enough"}
    answer = ask("POST", "/secrets/share/import", json=body).json()
    assert answer["secrets_errors"] == {
        "1": {"provider": "There is no secrets provider `nowhere` in tenant `default_tenant`"}
    }
    assert ask("GET", "/secrets/db").json()["value"] == "european"


USING = HELLO.replace("outputs:", "outputs:\n  password: {value: {get_secret: db}}").replace(
    "{greeting: {get_input: greeting}}", "{greeting: {get_secret: db}}"
)
CHECKED = HELLO.replace("default: hello}", "default: hello, constraints: [{valid_values: {get_secret: greetings}}]}")


def test_execution_reads_masked_values_of_providers(
    ask: Ask, provide: Any, upload: Upload, run: Any, server: vault, app: AppContext, worker: Worker
) -> None:
    provide()
    ask("PUT", "/secrets/db", json={"provider_name": "vault"})
    assert upload("app", USING, {"say.sh": SAY}).json()["state"] == "uploaded"
    server.behaviour = 503  # the value is not needed yet
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).status_code == 201
    assert server.paths == []
    message = ask("GET", "/deployments/app/outputs").json()["outputs"]["password"]
    assert message.startswith("<ERROR: `get_secret`: The secrets provider `vault` answered 503 when")
    server.behaviour = 404
    failed = run("app", "install")
    assert "The secrets provider `vault` has no secret at `production`" in failed["error"]
    server.behaviour = ""
    assert run("app", "install")["status"] == "terminated"
    events = ask("GET", "/events?include_logs=true&_size=200").text
    assert ("canary" in events, "********" in events) == (False, True)
    worker.stop()
    assert_no_transaction_is_open(ask, server, app)


def assert_no_transaction_is_open(ask: Ask, server: vault, app: AppContext) -> None:
    """Assert that no connection to the database is in use while a request waits for the provider."""
    instance = ask("GET", "/node-instances").json()["items"][0]
    body = {"version": instance["version"], "runtime_properties": {"password": {"get_secret": "db"}}}
    assert ask("PATCH", f"/node-instances/{instance['id']}", json=body).ok
    pools: list[Any] = [engine.pool for engine in (app.database.engine, app.database.writer)]
    opened: list[int] = []
    wait_until(lambda: not any(pool.checkedout() for pool in pools))  # the worker is about to stop
    server.on_request = lambda: opened.append(sum(pool.checkedout() for pool in pools))
    assert ask("GET", "/deployments/app/outputs").json()["outputs"]["password"] == "canary"
    [item] = ask("GET", "/node-instances?_evaluate_functions=true").json()["items"]
    assert item["runtime_properties"] == {"password": "canary"}
    ask("GET", "/secrets/db")
    ask("PUT", PROVIDER, json={"name": "vault", "test": True})
    assert opened == [0, 0, 0, 0]


@pytest.mark.sqlite
def test_constraint_of_a_provider_is_not_asked_for(ask: Ask, provide: Any, upload: Upload, server: vault) -> None:
    provide()
    ask("PUT", "/secrets/greetings", json={"provider_name": "vault", "schema": {"type": "array"}})
    upload("app", CHECKED, {"say.sh": SAY})
    assert ask("PUT", "/deployments/app", json={"blueprint_id": "app"}).status_code == 201
    assert server.paths == []
