// The screen that the fragment of the address names: #/deployments/ID?search=web

import { Failure } from "./api.js";
import { announce, element, replace } from "./dom.js";
import { problem } from "./parts.js";

/** Modules are loaded when their screen is first shown. A screen exports `show(place)`, and returns its elements. */
const SCREENS = [
  [/^deployments$/, "deployments"],
  [/^deployments\/([^/]+)$/, "deployment"],
  [/^blueprints$/, "blueprints"],
  [/^blueprints\/([^/]+)$/, "blueprint"],
  [/^executions$/, "executions"],
  [/^executions\/([^/]+)$/, "execution"],
  [/^groups$/, "groups"],
  [/^groups\/([^/]+)$/, "group"],
  [/^groups\/executions\/([^/]+)$/, "execution_group"],
  [/^schedules$/, "schedules"],
];
let leaving = [];
let shown = 0;
let former = ""; // the path of the screen that was shown before

/** Return the address of a screen: address(["deployments", id], {search: "web"}). */
export function address(parts, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(given).toString();
  return `#/${[].concat(parts).map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

export function go(parts, parameters = {}) {
  const target = address(parts, parameters);
  if (location.hash === target) route();
  else location.hash = target;
}

/** Change parameters of the address without a new entry in the history; the screen shows the change itself. */
export function setParameters(parameters) {
  const { path } = parse(location.hash);
  history.replaceState(null, "", address(path.split("/").map(decodeURIComponent), parameters));
}

function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { path: path || "deployments", parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/**
 * Show the screen of the address. A screen gets a place: {key, parameters, leave, refresh}; what it gives to
 * `leave` is called when another screen is shown, `refresh` shows it again.
 */
export async function route() {
  const number = (shown += 1);
  leaveScreen();
  const { path, parameters } = parse(location.hash);
  const main = document.getElementById("main");
  const found = SCREENS.map(([pattern, name]) => [path.match(pattern), name]).find(([match]) => match);
  const place = {
    key: found && found[0][1] !== undefined ? decodeURIComponent(found[0][1]) : "",
    parameters,
    leave: (stop) => (number === shown ? leaving.push(stop) : stop()),
    refresh: () => number === shown && route(),
  };
  markNavigation(path.split("/")[0]);
  main.setAttribute("aria-busy", "true");
  let content;
  try {
    if (!found) throw new Failure(404, { message: "There is no such page." });
    const screen = await import(`./screens/${found[1]}.js`);
    content = await screen.show(place);
  } catch (error) {
    if (error.name === "AbortError" || error.status === 401) return;
    content = [element("h1", {}, "Not shown"), problem(error)];
  }
  if (number !== shown) return;
  replace(main, content);
  if (path !== former) scrollTo(0, 0);
  // The link that was followed is gone: the keyboard goes on in the new screen.
  if (former && document.activeElement === document.body) main.focus({ preventScroll: true });
  former = path;
  main.removeAttribute("aria-busy");
  const heading = main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · cfy` : "cfy";
  announce(heading ? heading.textContent : "");
}

export function leaveScreen() {
  for (const stop of leaving.splice(0)) stop();
}

function markNavigation(name) {
  for (const each of document.querySelectorAll("nav a")) {
    if (each.hash.split("/")[1] === name) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
}
