"""Secrets that another manager keeps, and who may read what a provider keeps."""

import datetime
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.bootstrap import bootstrap
from cfy_cli.manager.services.secrets import secrets
from cfy_cli.manager.settings import ManagerSettings
from cfy_cli.manager.store.scope import system_scope
from tests.conftest import PASSWORD, Ask, Cfy
from tests.manager.conftest import listening
from tests.manager.vault import vault

pytestmark = pytest.mark.sqlite
MEMBER = "password-of-a-member"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Create a certificate for 127.0.0.1 and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    return files


@pytest.fixture
def other(tmp_path: Path) -> Iterator[AppContext]:
    """Another manager, with secrets."""
    other = AppContext(ManagerSettings(tmp_path / "other"))
    bootstrap(other, PASSWORD)
    with other.writing(system_scope("default_tenant")) as store:
        secrets.create(other, store, "db", "canary")
        secrets.create(other, store, "ports", [80], schema={"type": "array"})
    yield other
    other.close()


def test_secret_of_another_manager_is_read(ask: Ask, cfy: Cfy, other: AppContext) -> None:
    with listening(other) as port:
        host = f"-c host=127.0.0.1:{port} -c username=admin -c tenant=default_tenant"
        cfy(f"secrets providers create other -y cloudify {host} -c password=wrong-password", code=1)
        assert "refuses the credentials that it was given: it answered 401" in cfy.errors
        created = cfy(f"secrets providers create other -y cloudify {host} -c password={PASSWORD}")
        assert created == "Secrets provider `other` created\n"
        assert cfy("secrets providers test other") == "The secrets provider `other` can be used\n"
        cfy("secrets create db -p other")
        cfy("secrets create renamed -p other -o name=ports --list")
        cfy("secrets create missing -p other")
        assert cfy("secrets get db --query value") == "canary\n"
        assert ask("GET", "/secrets/renamed").json()["value"] == [80]
        cfy("secrets get missing", code=1)
        assert "The secrets provider `other` has no secret `missing`: it answered 404" in cfy.errors
        assert "canary" not in cfy("secrets list -p other")
        for text in (cfy("secrets providers list"), cfy("secrets providers get other"), ask("GET", "/secrets").text):
            assert PASSWORD not in text
    cfy("secrets get db", code=1)
    assert "The secrets provider `other` cannot be reached" in cfy.errors


def test_certificate_of_another_manager_is_checked(ask: Ask, other: AppContext, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with listening(other, ssl_certfile=str(certificate), ssl_keyfile=str(key)) as port:
        parameters = {
            "host": f"127.0.0.1:{port}",
            "username": "admin",
            "password": PASSWORD,
            "tenant": "default_tenant",
        }
        body = {"name": "other", "type": "cloudify", "connection_parameters": {**parameters, "protocol": "https"}}
        refused = ask("PUT", "/secrets-providers", json={**body, "test": True})
        assert "cannot be trusted" in refused.json()["message"]
        body["connection_parameters"]["cert"] = certificate.read_text()
        assert ask("PUT", "/secrets-providers", json={**body, "test": True}).status_code == 204
        assert ask("PUT", "/secrets-providers", json=body).status_code == 200
        ask("PUT", "/secrets/db", json={"provider_name": "other"})
        assert ask("GET", "/secrets/db").json()["value"] == "canary"


@pytest.fixture
def as_member(ask: Ask) -> Callable[..., Any]:
    """In tenant red: una and uwe are users, vera a viewer."""
    ask("POST", "/tenants/red")
    for name, role in (("una", "user"), ("uwe", "user"), ("vera", "viewer")):
        ask("PUT", "/users", json={"username": name, "password": MEMBER})
        ask("PUT", "/tenants/users", json={"username": name, "tenant_name": "red", "role": role})

    def as_member(name: str, method: str, path: str, **options: Any) -> Any:
        return ask(method, path, user=name, password=MEMBER, tenant="red", **options)

    return as_member


def test_private_provider_serves_only_those_who_see_it(ask: Ask, as_member: Callable[..., Any]) -> None:
    with vault(p={"db": "canary"}) as server:
        connection = {**server.parameters, "path": "p"}
        body = {"name": "v", "type": "vault", "connection_parameters": connection, "visibility": "private"}
        assert as_member("vera", "PUT", "/secrets-providers", json=body).status_code == 403
        assert as_member("una", "PUT", "/secrets-providers", json=body).status_code == 200
        assert as_member("uwe", "GET", "/secrets-providers/v").status_code == 404
        assert as_member("uwe", "PUT", "/secrets/db", json={"provider_name": "v"}).status_code == 404
        assert as_member("uwe", "PUT", "/secrets-providers", json={"name": "v", "test": True}).status_code == 404
        assert as_member("una", "PUT", "/secrets/db", json={"provider_name": "v"}).status_code == 400
        private = {"provider_name": "v", "visibility": "private"}
        assert as_member("una", "PUT", "/secrets/db", json=private).status_code == 200
        assert as_member("una", "GET", "/secrets/db").json()["value"] == "canary"
        widen = "/secrets/db/set-visibility"
        assert as_member("una", "PATCH", widen, json={"visibility": "tenant"}).status_code == 400
        # what is given to another user does not take the provider along
        assert ask("PATCH", "/secrets/db", tenant="red", json={"creator": "uwe"}).status_code == 200
        refused = as_member("uwe", "GET", "/secrets/db")
        assert refused.status_code == 404
        assert "kept by the secrets provider `v`, which user `uwe` may not see" in refused.json()["message"]
        as_member("una", "PATCH", "/secrets-providers/v", json={"visibility": "tenant"})
        assert as_member("uwe", "GET", "/secrets/db").json()["value"] == "canary"
        assert as_member("uwe", "PATCH", widen, json={"visibility": "tenant"}).status_code == 200
        assert as_member("vera", "GET", "/secrets/db").json()["value"] == "canary"
        assert ask("PATCH", widen, tenant="red", json={"visibility": "global"}).status_code == 400
        ask("PATCH", "/secrets-providers/v", tenant="red", json={"visibility": "global"})
        assert ask("PATCH", widen, tenant="red", json={"visibility": "global"}).status_code == 200
        assert ask("GET", "/secrets/db").json()["value"] == "canary"
