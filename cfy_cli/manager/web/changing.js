// Parts of a live screen that are made again only when what they show has changed, so that focus and selection stay.

import { element, replace } from "./dom.js";

const nameOf = (each) => `${each.tagName} ${each.getAttribute("href") ?? each.getAttribute("aria-label") ?? each.textContent}`;

/** Make an element with a function `show(facts, make)`: `make()` returns its children when `facts` differ. */
export function changing(name, attributes = {}) {
  const made = element(name, attributes);
  let shown;
  made.show = (facts, make) => {
    const key = JSON.stringify(facts);
    if (key === shown) return;
    shown = key;
    const focused = made.contains(document.activeElement) ? nameOf(document.activeElement) : null;
    replace(made, make());
    if (focused) [...made.querySelectorAll("a, button")].find((each) => nameOf(each) === focused)?.focus({ preventScroll: true });
  };
  return made;
}
