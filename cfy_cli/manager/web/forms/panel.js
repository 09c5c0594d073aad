// A dialog that shows something beside the screen; Escape closes it, and the focus returns to where it was.

import { element } from "../dom.js";
import { button } from "../parts.js";

/** Open a panel with a title and contents; `onClose()` is called when it is closed. Return it. */
export function openPanel(title, contents, onClose = () => {}) {
  const heading = element("h2", { id: "panel-title", tabindex: "-1" }, title);
  const panel = element("dialog", { class: "panel", "aria-labelledby": "panel-title" },
    element("div", { class: "panel-body" },
      element("div", { class: "panel-head" }, heading, button("Close", () => panel.close())), contents));
  const close = () => panel.close();
  addEventListener("hashchange", close);
  panel.addEventListener("click", (event) => event.target === panel && panel.close()); // beside the dialog
  panel.addEventListener("close", () => {
    removeEventListener("hashchange", close);
    panel.remove();
    onClose();
  });
  document.body.append(panel);
  panel.showModal();
  heading.focus();
  return panel;
}
