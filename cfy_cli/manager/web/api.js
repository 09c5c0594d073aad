// Requests to the REST API, with the tenant and the CSRF token of the session.

const API = "/api/v3.1";
const state = { tenant: "default_tenant", csrf: "", onEnd: () => {} };

/** A failure as the manager tells it: a sentence, and a hint what to do. */
export class Failure extends Error {
  constructor(status, body) {
    super(body.message || `The manager answered ${status}.`);
    this.status = status;
    this.code = body.error_code || "";
    this.hint = body.hint || "";
  }
}

export function configure(values) {
  Object.assign(state, values);
}

export function currentTenant() {
  return state.tenant;
}

/** Send a request to an address of this manager: a file as it is, other bodies as JSON. Return what it answers. Throws Failure. */
export async function send(method, address, body, { signal } = {}) {
  const headers = { Tenant: state.tenant };
  if (method !== "GET" && state.csrf) headers["X-CSRF-Token"] = state.csrf;
  const isFile = body instanceof Blob;
  if (body !== undefined) headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
  let answer;
  try {
    answer = await fetch(address, {
      method, headers, signal, body: isFile ? body : body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { message: "The manager cannot be reached.", hint: "Check that it runs: cfy manager status" });
  }
  const text = await answer.text();
  const content = text ? parse(text) : null;
  if (answer.ok) return content;
  const failure = new Failure(answer.status, content || {});
  if (answer.status === 401 && state.csrf) state.onEnd(failure);
  throw failure;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Return the address of a resource: `path("deployments", id)`; parameters that are lists are repeated. */
export function path(parts, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, each);
  }
  const text = query.toString();
  return `${API}/${[].concat(parts).map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** `get(["deployments", id], {_include: "id"})` returns the item, or a list: {items, metadata}. */
export const get = (parts, parameters, options) => send("GET", path(parts, parameters), undefined, options);
export const post = (parts, body, parameters, options) => send("POST", path(parts, parameters), body, options);
export const put = (parts, body, parameters) => send("PUT", path(parts, parameters), body);
export const patch = (parts, body, parameters) => send("PATCH", path(parts, parameters), body);
export const remove = (parts, parameters, body) => send("DELETE", path(parts, parameters), body);

/** Return all items of a list, page by page, at most `most`. */
export async function getAll(parts, parameters = {}, most = 10000, options = {}) {
  const items = [];
  for (;;) {
    const page = await get(parts, { ...parameters, _size: 1000, _offset: items.length }, options);
    items.push(...page.items);
    if (!page.items.length || items.length >= most || items.length >= page.metadata.pagination.total) return items;
  }
}
