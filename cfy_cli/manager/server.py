"""The web half of the manager: every resource's routes under one application."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cfy_cli import __version__
from cfy_cli.manager.rest import (
    blueprints,
    cluster,
    dependencies,
    deployments,
    docs,
    errors,
    events,
    executions,
    nodes,
    operations,
    plugins,
    searches,
    secrets,
    sites,
    status,
    tasks_graphs,
    tenants,
    tokens,
    users,
)
from cfy_cli.manager.rest.api import PREFIX, Routes
from cfy_cli.manager.rest.request_ids import RequestIds
from cfy_cli.manager.services.context import AppContext

RESOURCES: tuple[Routes, ...] = (
    blueprints.routes,
    cluster.routes,
    dependencies.routes,  # before the deployments: one of that name is none of theirs
    deployments.routes,
    events.routes,
    executions.routes,
    nodes.routes,
    operations.routes,
    plugins.routes,
    searches.routes,
    secrets.routes,
    sites.routes,
    status.routes,
    tasks_graphs.routes,
    tenants.routes,
    tokens.routes,
    users.routes,
)


def create_app(manager: AppContext) -> FastAPI:
    """Create the API of one manager, which must have been bootstrapped."""
    app = FastAPI(title="Conductor REST API", version=f"3.1 (cfy {__version__})", docs_url=None, redoc_url=None)
    app.state.app_context = manager
    for routes in RESOURCES:
        app.include_router(routes.router, prefix=PREFIX)
    app.include_router(status.unversioned.router, prefix="/api", include_in_schema=False)
    app.add_api_route("/docs", docs.page, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/health", docs.health, include_in_schema=False)
    errors.install(app)
    app.add_middleware(RequestIds)
    return app


def permissions() -> Iterator[tuple[str, str, str]]:
    """Yield method, path and permission of every endpoint."""
    for routes in RESOURCES:
        for (method, path), permission in routes.permissions.items():
            yield method, path, permission
