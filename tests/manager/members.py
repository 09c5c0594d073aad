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
IN_GROUPS = ("mia", "oscar")  # have their role through a user group; bob has two roles in this way
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
        in_tenant = {"tenant_name": tenant, "role": role}
        if user not in IN_GROUPS:
            assert ask("PUT", "/tenants/users", json={"username": user, **in_tenant}).status_code == 200
            continue
        assert ask("POST", "/user-groups", json={"group_name": role}).status_code == 201
        assert ask("PUT", "/user-groups/users", json={"username": user, "group_name": role}).status_code == 200
        assert ask("PUT", "/tenants/user-groups", json={"group_name": role, **in_tenant}).status_code == 200
    assert ask("PUT", "/user-groups/users", json={"username": "bob", "group_name": "operations"}).status_code == 200

    def as_member(user: str) -> Ask:
        tenant = ROLES.get(user, ("default_tenant", ""))[0]

        @functools.wraps(ask)
        def ask_as(method: str, path: str, *, tenant: str = tenant, **options: Any) -> requests.Response:
            if user == "admin":
                return ask(method, path, tenant=tenant, **options)
            return ask(method, path, user=user, password=PASSWORD, tenant=tenant, **options)

        return ask_as

    return as_member
