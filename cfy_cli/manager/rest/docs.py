"""Serve the documentation page of the API, and the health check."""

import base64
import hashlib
import os
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from cfy_cli.manager.services.context import AppContext
from cfy_cli.manager.services.status import answers

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #223 }
summary { cursor: pointer; padding: .2rem 0 } b { display: inline-block; width: 4.5rem } code { font-size: 14px }
h2 { text-transform: capitalize; border-bottom: 1px solid #ccd } pre { background: #f4f5f8; padding: .6rem; overflow: auto }
"""
SCRIPT = """
const element = (name, text, parent) => parent.appendChild(Object.assign(document.createElement(name), {textContent: text}));
fetch("openapi.json").then(answer => answer.json()).then(api => {
  const main = document.querySelector("main"), groups = {};
  main.textContent = "";
  for (const [path, methods] of Object.entries(api.paths))
    for (const [method, about] of Object.entries(methods))
      (groups[about.tags[0]] ??= []).push([method.toUpperCase(), path, about]);
  for (const [tag, endpoints] of Object.entries(groups).sort()) {
    element("h2", tag, main);
    for (const [method, path, about] of endpoints) {
      const details = element("details", "", main), summary = element("summary", "", details);
      element("b", method, summary); element("code", path, summary);
      element("p", (about.description || about.summary) + " Permission: " + (about["x-permission"] || "none") + ".", details);
      const body = about.requestBody?.content?.["application/json"]?.schema;
      const schema = body?.$ref ? api.components.schemas[body.$ref.split("/").pop()] : body;
      if (schema) element("pre", JSON.stringify(schema.properties ?? schema, null, 2), details);
    }
  }
});
"""
PAGE = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Conductor REST API</title>
<style>{STYLE}</style>
<h1>Conductor REST API v3.1</h1>
<p>Every request names its user (Basic, or <code>Authentication-Token</code>) and its <code>Tenant</code> in the headers.
The machine-readable form is <a href="openapi.json">openapi.json</a>.</p>
<main>Loading…</main>
<script>{SCRIPT}</script></html>"""


def _hash(text: str) -> str:
    """Return the source by which a Content-Security-Policy allows an element with that text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


async def health() -> dict[str, object]:
    """Report without authentication that this process answers; `pid` tells it from an earlier one."""
    return {"status": "OK", "pid": os.getpid()}


async def ok(request: Request) -> JSONResponse:
    """Report without authentication whether the manager and its database answer: "OK", or the status 500."""
    app: AppContext = request.app.state.app_context
    is_ok = await run_in_threadpool(answers, app)
    return JSONResponse("OK" if is_ok else "Fail", HTTPStatus.OK if is_ok else HTTPStatus.INTERNAL_SERVER_ERROR)
