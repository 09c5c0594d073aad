"""Callers: their credential, and the scope that they act in."""

from dataclasses import dataclass

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from cfy_cli.contract.limits import active_limits
from cfy_cli.errors import Forbidden, Unauthorized
from cfy_cli.manager.rest.login_threads import run_in_login_thread
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.identity.access import DEFAULT_TENANT, scope_for
from cfy_cli.manager.services.identity.credentials import (
    COOKIE_HEADER,
    PASSWORD_HEADER,
    TOKEN_HEADER,
    Credential,
    Credentials,
    Login,
)
from cfy_cli.manager.services.identity.permissions import OWN_PERMISSIONS
from cfy_cli.manager.services.identity.web_sessions import CSRF_HEADER, check_csrf, cookie_name
from cfy_cli.manager.store.models import Tenant
from cfy_cli.manager.store.scope import Scope

HEADERS = (TOKEN_HEADER, PASSWORD_HEADER)


@dataclass(frozen=True, slots=True)
class Caller:
    """The credential of a request, the tenant that it names, and the permission that it needs."""

    app: AppContext
    credential: Credential
    tenant: str
    permission: str
    path_username: str | None  # the user whom the request is about

    @classmethod
    def of(cls, request: Request, permission: str) -> "Caller":
        """Raise Unauthorized when a request has no credential, and Forbidden for a cookie without its CSRF token."""
        header, value = _find_credential(request)
        host, port = request.client or ("", 0)
        tenant = request.headers.get("tenant", DEFAULT_TENANT)
        username = request.path_params.get("username")
        credential = Credential(header, value, host, port)
        return cls(request.app.state.app_context, credential, tenant, permission, username)

    def find_cached(self) -> tuple[Login, Scope] | None:
        """Return a login that was verified lately, if it is enough for the request; the database is not asked."""
        login = self.app.service(Credentials).find_cached(self.credential)
        if login is None or self.tenant not in login.identity.tenants:
            return None
        try:
            return login, self._scope(login, tenant_exists=True)
        except Forbidden:
            return None  # the user may have more rights by now

    async def log_in_apart(self) -> tuple[Login, Scope]:
        """Log in in another thread: where passwords are verified, if this takes one. Raises Busy."""
        credentials = self.app.service(Credentials)
        if self.credential.has_password and credentials.find_cached(self.credential) is None:
            return await run_in_login_thread(
                active_limits(),
                self.log_in,
                is_first_administrator=self.credential.is_of_first_administrator,
            )
        return await run_in_threadpool(self.log_in)

    def log_in(self) -> tuple[Login, Scope]:
        """Return the login and the scope as of now. Raises Unauthorized and Forbidden."""
        login = self.app.service(Credentials).login(self.credential)
        return login, self._scope(login, tenant_exists=self.tenant in login.identity.tenants or self._exists())

    def _scope(self, login: Login, *, tenant_exists: bool) -> Scope:
        is_own = self.path_username == login.identity.username
        needed = OWN_PERMISSIONS.get(self.permission, self.permission) if is_own else self.permission
        return scope_for(login.identity, self.tenant, needed, tenant_exists=tenant_exists)

    def _exists(self) -> bool:
        with self.app.reading(Scope(user="", tenant=self.tenant)) as store:
            return store.find(Tenant, self.tenant) is not None


def _find_credential(request: Request) -> tuple[str, str]:
    """Return the header that a credential is in, and its value: programs send headers, pages a cookie."""
    for header in HEADERS:
        if value := request.headers.get(header):
            return header, value
    if session := request.cookies.get(cookie_name(request.headers.get("host", ""))):
        check_csrf(request.method, session, request.headers.get(CSRF_HEADER))
        return COOKIE_HEADER, session
    raise Unauthorized("User unauthorized: No authentication info provided")
