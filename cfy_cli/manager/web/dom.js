// Elements are made here, and nowhere from text of HTML: what users have named is always text.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes whose names begin with `on` are listeners, false and null leave one out. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Make an element of a picture. */
export function picture(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Show other children in an element. */
export function replace(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

/** Tell users of screen readers what has changed. */
export function announce(text) {
  document.getElementById("announcements").textContent = text;
}

export function link(target, text, attributes = {}) {
  return element("a", { href: target, ...attributes }, text);
}
