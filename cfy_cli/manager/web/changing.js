// Parts of a live screen that are made again only when what they show has changed, so that focus and selection stay.

import { element, replace } from "./dom.js";

/** Make an element with a function `show(facts, make)`: `make()` returns its children when `facts` differ. */
export function changing(name, attributes = {}) {
  const made = element(name, attributes);
  let shown;
  made.show = (facts, make) => {
    const key = JSON.stringify(facts);
    if (key === shown) return;
    shown = key;
    replace(made, make());
  };
  return made;
}
