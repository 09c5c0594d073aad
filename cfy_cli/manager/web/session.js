// Who is logged in, in which tenant, and what the user may do there.

import { configure, get, send } from "./api.js";

const SESSION = "/web/session";
const TENANT = "cfy.tenant"; // in the storage of the browser
const session = { username: "", tenant: "", tenants: [], permissions: new Set(), version: "" };

export const current = () => session;
export const may = (permission) => session.permissions.has(permission);

/** Return whether somebody is logged in; load the rights in the tenant that was used last. */
export async function resume() {
  try {
    await load(localStorage.getItem(TENANT) || "default_tenant");
  } catch (failure) {
    if (failure.status === 401) return false;
    if (failure.status !== 403) throw failure;
    await load("default_tenant");
  }
  session.tenants = (await get(["tenants"], { _include: "name", _size: 1000 })).items.map((each) => each.name);
  if (session.tenants.length && !session.tenants.includes(session.tenant)) await load(session.tenants[0]);
  return true;
}

async function load(tenant) {
  configure({ tenant });
  const answer = await send("GET", SESSION);
  configure({ csrf: answer.csrf_token });
  Object.assign(session, {
    username: answer.username, tenant: answer.tenant, version: answer.version, permissions: new Set(answer.permissions),
  });
}

/** Log in with `{username, password}` or `{code}`. Throws Failure. */
export async function logIn(credential) {
  configure({ csrf: "" });
  await send("POST", SESSION, credential);
  await resume();
}

export async function logOut() {
  try {
    await send("DELETE", SESSION);
  } finally {
    forget();
  }
}

export function forget() {
  configure({ csrf: "" });
  Object.assign(session, { username: "", tenants: [], permissions: new Set() });
}

export async function useTenant(tenant) {
  await load(tenant);
  localStorage.setItem(TENANT, tenant);
}
