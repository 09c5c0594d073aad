"""Serve the files of the web page, which lie in the package, and the page itself to browsers."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from cfy_cli.manager.rest import web_icons, web_sessions

FOLDER = Path(__file__).parent.parent / "web"
INDEX = "index.html"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent, also compressed; its tag changes with its content."""

    media_type: str
    content: bytes
    compressed: bytes
    tag: str


@cache
def load_files() -> dict[str, StaticFile]:
    """Return all files of the page by their paths: only these are served, whatever path is asked for."""
    return {
        path.relative_to(FOLDER).as_posix(): _load(path)
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }


def _load(path: Path) -> StaticFile:
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return StaticFile(MEDIA_TYPES[path.suffix], content, gzip.compress(content, mtime=0), tag)


def install(app: FastAPI) -> None:
    """Add the page, its files, its sessions and its icons to the application."""
    for router in (web_sessions.logins, web_sessions.routes.router, web_icons.routes.router):
        app.include_router(router, include_in_schema=False)
    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/web/{path:path}", file, methods=["GET", "HEAD"], include_in_schema=False)


def page(request: Request) -> Response:
    """Answer the page to browsers; there is nothing here for other clients."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _answer(request, INDEX)


def file(request: Request, path: str) -> Response:
    return _answer(request, path)


def _answer(request: Request, path: str) -> Response:
    """Answer a file, or that the browser has it already. Browsers ask each time, so that an upgrade is seen at once."""
    found = load_files().get(path)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "ETag": found.tag,
        "Vary": "Accept, Accept-Encoding",
    }
    if found.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    is_compressed = "gzip" in request.headers.get("accept-encoding", "")
    content = found.compressed if is_compressed else found.content
    encoding = {"Content-Encoding": "gzip"} if is_compressed else {}
    return Response(content, headers=headers | encoding, media_type=found.media_type)
