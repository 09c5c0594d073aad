"""The web application: the routes of every resource."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Any, cast

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cfy_cli import __version__
from cfy_cli.manager.rest import (
    agents,
    audit,
    blueprints,
    cluster,
    config,
    dependencies,
    deployment_groups,
    deployment_updates,
    deployments,
    docs,
    errors,
    evaluation,
    events,
    execution_groups,
    executions,
    filters,
    labels,
    ldap,
    licenses,
    log_bundles,
    maintenance,
    metrics,
    modifications,
    nodes,
    openapi,
    operations,
    part_searches,
    plugins,
    plugins_updates,
    provider,
    remote_operations,
    role_permissions,
    schedules,
    searches,
    secrets,
    secrets_providers,
    sites,
    snapshots,
    status,
    tenants,
    tokens,
    user_groups,
    users,
    web,
    workflows,
)
from cfy_cli.manager.rest.api import PREFIX, Routes
from cfy_cli.manager.rest.browsers import BrowserProtection, HeadersForBrowsers, ServedNames
from cfy_cli.manager.rest.request_ids import RequestIds
from cfy_cli.manager.rest.request_limits import RequestLimits
from cfy_cli.manager.rest.trailing_slashes import TrailingSlashes
from cfy_cli.manager.rest.turns import Turns
from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.settings import ManagerSettings

RESOURCES: tuple[Routes, ...] = (
    # Those of most requests come first, because routes are compared with a path in this order.
    dependencies.routes,  # before deployments: `inter-deployment-dependencies` would match as a deployment id
    deployments.routes,
    events.routes,
    executions.routes,
    nodes.routes,
    blueprints.routes,
    agents.routes,
    audit.routes,
    cluster.routes,
    config.routes,
    deployment_groups.routes,
    deployment_updates.routes,
    evaluation.routes,
    execution_groups.routes,
    maintenance.routes,
    modifications.routes,
    filters.routes,
    labels.routes,
    licenses.routes,
    log_bundles.routes,
    metrics.routes,
    operations.routes,
    part_searches.routes,
    ldap.routes,
    role_permissions.routes,
    plugins.routes,
    plugins_updates.routes,
    provider.routes,
    schedules.routes,
    searches.routes,
    secrets.routes,
    secrets_providers.routes,
    sites.routes,
    snapshots.routes,
    status.routes,
    tenants.routes,
    tokens.routes,
    user_groups.routes,
    users.routes,
    workflows.routes,
)


class Api(FastAPI):
    """The web application, within what every request and every answer passes, those to unexpected errors too."""

    def build_middleware_stack(self) -> ASGIApp:
        settings: ManagerSettings = self.state.app_context.settings
        api = BrowserProtection(TrailingSlashes(super().build_middleware_stack()), ServedNames(settings))
        stack = Turns(RequestIds(HeadersForBrowsers(RequestLimits(api, settings.limits))))
        if not settings.trusted_proxies:
            return stack
        proxies = list(settings.trusted_proxies)
        return cast(ASGIApp, ProxyHeadersMiddleware(stack, proxies))  # type: ignore[arg-type]  # uvicorn's own types


def create_app(app_context: AppContext) -> FastAPI:
    """Build the web application of a manager; its database must have been bootstrapped."""
    app = Api(
        title="Conductor REST API",
        version=f"3.1 (cfy {__version__})",
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.app_context = app_context
    for routes in RESOURCES:
        app.include_router(routes.router, prefix=PREFIX)
    app.include_router(status.unversioned.router, prefix="/api", include_in_schema=False)
    remote_operations.install(app, PREFIX)
    app.add_api_route("/docs", docs.page, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/openapi.json", _endpoint_of_document(app), include_in_schema=False)
    app.add_api_route(f"{PREFIX}/ok", docs.ok, include_in_schema=False)
    app.add_api_route("/health", docs.health, include_in_schema=False)
    web.install(app)
    errors.install(app)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _endpoint_of_document(app: FastAPI) -> Callable[[], Response]:
    """Return the endpoint of the OpenAPI document. It runs in a thread, because to build the document takes long."""
    lock = Lock()

    @cache
    def build() -> bytes:
        return json.dumps(app.openapi(), separators=(",", ":")).encode()

    def document() -> Response:
        with lock:
            return Response(build(), media_type="application/json")

    return document


def _document(app: FastAPI) -> dict[str, Any]:
    """Build the OpenAPI document, once."""
    if app.openapi_schema is None:
        answers = [answer for routes in RESOURCES for answer in routes.answers]
        app.openapi_schema = openapi.build_document(app, answers)
    return app.openapi_schema


def permissions() -> Iterator[tuple[str, str, str]]:
    """Yield method, path and permission of every endpoint."""
    for routes in RESOURCES:
        for (method, path), permission in routes.permissions.items():
            yield method, path, permission
