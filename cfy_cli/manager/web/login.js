// The log-in.

import { element, replace } from "./dom.js";
import { problem } from "./parts.js";
import { logIn } from "./session.js";

/** Show the log-in in an element, with a message above it; call `onSuccess` when somebody is logged in. */
export function showLogIn(parent, message, onSuccess) {
  const failure = element("div", { id: "failure" });
  const username = element("input", { id: "username", name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = element("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const submit = element("button", { type: "submit", class: "primary" }, "Log in");
  const form = element("form", { class: "card login", "aria-labelledby": "login-heading" },
    element("img", { src: "/web/icon.svg", alt: "", width: 40, height: 40 }),
    element("h1", { id: "login-heading" }, "Log in"),
    message ? element("p", { class: "notice", role: "status" }, message) : null,
    element("div", { class: "field" }, element("label", { for: "username" }, "User name"), username),
    element("div", { class: "field" }, element("label", { for: "password" }, "Password"), password),
    failure, submit,
    element("p", { class: "hint" }, "On this machine, ", element("code", {}, "cfy manager open"), " logs you in without a password."));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    replace(failure);
    try {
      await logIn({ username: username.value, password: password.value });
      onSuccess();
    } catch (error) {
      replace(failure, problem(error));
      password.select();
    } finally {
      submit.disabled = false;
    }
  });
  replace(parent, form);
  document.title = "Log in · cfy";
  username.focus();
}
