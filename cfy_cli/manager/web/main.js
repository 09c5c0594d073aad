// The page: the log-in, the header with its navigation, and the screen below it.

import { configure } from "./api.js";
import { announce, element, link, replace } from "./dom.js";
import { showLogIn } from "./login.js";
import { button, problem } from "./parts.js";
import { address, go, leaveScreen, route } from "./router.js";
import { current, forget, logIn, logOut, resume, useTenant } from "./session.js";

const NAVIGATION = [
  ["deployments", "Deployments"], ["executions", "Executions"], ["blueprints", "Blueprints"],
  ["groups", "Groups"], ["schedules", "Schedules"],
];
const header = document.getElementById("header");
const main = document.getElementById("main");

function showHeader() {
  const session = current();
  const tenants = session.tenants.map((name) => element("option", { value: name, selected: name === session.tenant }, name));
  const select = element("select", { id: "tenant", onchange: (event) => changeTenant(event.target.value) }, tenants);
  replace(header,
    link(address("deployments"), element("img", { src: "/web/icon.svg", alt: "cfy, to the deployments", width: 28, height: 28 }), { class: "brand" }),
    element("nav", { "aria-label": "Main" }, NAVIGATION.map(([name, text]) => link(address(name), text))),
    element("div", { class: "account" },
      element("label", { class: "unseen", for: "tenant" }, "Tenant"), select,
      element("span", { class: "user" }, session.username), button("Log out", endSession, { class: "quiet" })));
}

async function changeTenant(tenant) {
  await useTenant(tenant);
  announce(`Tenant ${tenant}`);
  const screen = location.hash.replace(/^#\/?/, "").split(/[/?]/)[0];
  go(screen || "deployments"); // what was shown is in the former tenant
}

async function endSession() {
  await logOut().catch(() => {}); // whatever the answer, this page has forgotten the session
  askToLogIn();
}

function askToLogIn(message = "") {
  leaveScreen();
  replace(header);
  showLogIn(main, message, begin);
}

function begin() {
  showHeader();
  if (!current().tenants.length) {
    replace(main, element("h1", {}, "No tenant"),
      element("p", {}, `The user ${current().username} is a member of no tenant. Ask an administrator for a role in one.`));
    return;
  }
  route();
}

function start() {
  configure({ onEnd: () => { forget(); askToLogIn("The session has ended. Log in again."); } });
  addEventListener("hashchange", () => {
    const code = takeCode();
    if (code) enter(code);
    else if (current().username) route();
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names the screen
    main.focus();
  });
  enter(takeCode());
}

/** Log in with the code of a link, or go on with the session that there is. */
async function enter(code) {
  try {
    if (code) await logIn({ code });
    else if (!(await resume())) return askToLogIn();
  } catch (failure) {
    return code ? askToLogIn([failure.message, failure.hint].join(" ")) : replace(main, element("h1", {}, "Not shown"), problem(failure));
  }
  begin();
}

/** Take the code of a one-time link out of the address, so that neither the history nor a bookmark keeps it. */
function takeCode() {
  const match = location.hash.match(/^#login=(.+)$/);
  if (match) history.replaceState(null, "", "/");
  return match && decodeURIComponent(match[1]);
}

start();
