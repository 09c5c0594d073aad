"""Users of two tenants, one for each role, and what they ask."""

import functools
from typing import Any, Protocol

import pytest
import requests

from tests.conftest import Ask

PASSWORD = "password-of-members"
ROLES = {
    "alice": ("default_tenant", "user"),
    "bob": ("default_tenant", "user"),
    "vera": ("default_tenant", "viewer"),
    "oscar": ("default_tenant", "operations"),
    "mia": ("default_tenant", "manager"),
    "carol": ("red", "manager"),
}
NOBODY = "nora"  # has a role in no tenant


class As(Protocol):
    """Return `ask` of one of the members, in the member's own tenant unless another is given."""

    def __call__(self, user: str) -> Ask: ...


@pytest.fixture
def as_member(ask: Ask) -> As:
    ask("POST", "/tenants/red")
    for user in (*ROLES, NOBODY):
        assert ask("PUT", "/users", json={"username": user, "password": PASSWORD}).status_code == 201
    for user, (tenant, role) in ROLES.items():
        body = {"username": user, "tenant_name": tenant, "role": role}
        assert ask("PUT", "/tenants/users", json=body).status_code == 200

    def as_member(user: str) -> Ask:
        tenant = ROLES.get(user, ("default_tenant", ""))[0]

        @functools.wraps(ask)
        def ask_as(method: str, path: str, *, tenant: str = tenant, **options: Any) -> requests.Response:
            if user == "admin":
                return ask(method, path, tenant=tenant, **options)
            return ask(method, path, user=user, password=PASSWORD, tenant=tenant, **options)

        return ask_as

    return as_member
