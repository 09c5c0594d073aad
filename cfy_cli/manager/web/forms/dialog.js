// Dialogs that ask: confirmations, and forms whose errors are shown where they belong.

import { element, replace } from "../dom.js";
import { button, problem } from "../parts.js";

let count = 0;

/**
 * Open a form. `onSubmit()` does the work; what it throws is shown in the form, at its field if `mark(error)` finds
 * one. It may return false when fields are wrong. Escape closes the form, and the focus returns.
 */
export function openForm({ title, contents = [], submit, leave = "Cancel", isDangerous = false, onSubmit, mark = () => false }) {
  const id = `dialog-${(count += 1)}`;
  const failure = element("div");
  const send = element("button", { type: "submit", class: isDangerous ? "primary danger" : "primary" }, submit);
  const form = element("form", { method: "dialog", novalidate: true },
    element("h2", { id }, title), contents, failure,
    element("div", { class: "actions" }, button(leave, () => dialog.close()), send));
  const dialog = element("dialog", { "aria-labelledby": id }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    replace(failure);
    send.disabled = true;
    try {
      if ((await onSubmit()) !== false) dialog.close();
    } catch (error) {
      if (!mark(error)) replace(failure, problem(error));
      failure.scrollIntoView({ block: "nearest" });
    } finally {
      send.disabled = false;
    }
  });
  const close = () => dialog.close();
  addEventListener("hashchange", close);
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", close);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask before something that cannot be undone; the question says what happens. */
export function confirm({ title, text, submit, isDangerous = true, onSubmit }) {
  return openForm({ title, contents: [].concat(text).map((each) => element("p", {}, each)), submit, leave: "Back", isDangerous, onSubmit });
}
