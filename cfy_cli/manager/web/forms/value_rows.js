// Lists and dicts of simple values as rows that are added and removed.

import { element } from "../dom.js";
import { button } from "../parts.js";
import { parse } from "./values.js";

const MAX_ROWS = 50; // of a value that is shown in rows
const isSimple = (value) => value === null || typeof value !== "object";

/** Return whether a value can be shown in rows, and be read from them as it is. */
export function fitsRows(kind, item, value) {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object" || Array.isArray(value) !== (kind === "list")) return false;
  const items = Object.entries(value);
  const isKept = (each) => {
    try {
      return isSimple(each) && parse(item, textOf(item, each)) === each;
    } catch {
      return false; // it is of another type
    }
  };
  return items.length <= MAX_ROWS && items.every(([name, each]) => isKept(each) && (kind === "list" ? each !== "" : name && name === name.trim()));
}

/** Make the rows of a list; `item` is the kind of its items. */
export function listRows(label, item, value) {
  const rows = new Rows(`Add an item to ${label}`, "Add an item", () => [itemControl(item)], (number) => ({
    names: [`${label}, item ${number}`], removal: `Remove item ${number} of ${label}`,
  }));
  for (const each of value ?? []) rows.add([textOf(item, each)]);
  return { element: rows.element, read: () => rows.read(([control]) => (control.value.trim() === "" ? [] : [readControl(item, control)])) };
}

/** Make the rows of a dict: a name and a value each. */
export function dictRows(label, item, value) {
  const rows = new Rows(`Add a name and a value to ${label}`, "Add a name and a value", () => [textControl("Name"), itemControl(item, "Value")], (number) => ({
    names: [`${label}, name ${number}`, `${label}, value ${number}`], removal: `Remove name ${number} of ${label}`,
  }));
  for (const [name, each] of Object.entries(value ?? {})) rows.add([name, textOf(item, each)]);
  const read = () => {
    const names = new Set();
    const pairs = rows.read(([name, given]) => {
      const text = name.value.trim();
      if (!text && given.value.trim() === "") return [];
      if (!text) throw refused(name, "Give a name.");
      if (names.has(text)) throw refused(name, `The name ${text} is given twice.`);
      names.add(text);
      return [[text, given.value === "" ? "" : readControl(item, given)]];
    });
    return Object.fromEntries(pairs);
  };
  return { element: rows.element, read };
}

/** Rows of controls with a button that removes each, and one that adds another. */
class Rows {
  constructor(addition, text, make, name) {
    Object.assign(this, { make, name, rows: [] });
    this.list = element("div", { class: "value-rows" });
    this.addition = button(text, () => {
      this.add().controls[0].focus();
      this.tell();
    }, { class: "small", "aria-label": addition });
    this.element = element("div", { class: "value-rows" }, this.list, this.addition);
  }

  add(texts = []) {
    const row = { controls: this.make() };
    row.controls.forEach((control, index) => {
      if (texts[index] !== undefined) control.value = texts[index];
      control.addEventListener("input", () => control.removeAttribute("aria-invalid"));
    });
    row.removing = button("✕", () => this.remove(row), { class: "quiet small" });
    row.element = element("div", { class: "value-row" }, row.controls, row.removing);
    this.rows.push(row);
    this.list.append(row.element);
    this.number();
    return row;
  }

  /** Remove a row; the focus goes on to the next one. */
  remove(row) {
    const index = this.rows.indexOf(row);
    this.rows.splice(index, 1);
    row.element.remove();
    this.number();
    (this.rows[Math.min(index, this.rows.length - 1)]?.removing ?? this.addition).focus();
    this.tell();
  }

  number() {
    this.rows.forEach((row, index) => {
      const { names, removal } = this.name(index + 1);
      row.controls.forEach((control, number) => control.setAttribute("aria-label", names[number]));
      row.removing.setAttribute("aria-label", removal);
    });
  }

  tell() {
    this.element.dispatchEvent(new Event("rows", { bubbles: true }));
  }

  /** Return what `read(controls)` returns for each row, in one list. Throws an Error whose message is for the user. */
  read(read) {
    return this.rows.flatMap(({ controls }) => read(controls));
  }
}

const textControl = (placeholder) => element("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder });

function itemControl(item, placeholder) {
  if (item === "boolean") return element("select", {}, ["true", "false"].map((each) => element("option", { value: each }, each)));
  return textControl(placeholder);
}

function readControl(item, control) {
  try {
    return parse(item, control.value);
  } catch (error) {
    throw refused(control, error.message);
  }
}

function refused(control, message) {
  control.setAttribute("aria-invalid", "true");
  return new Error(message);
}

/** Return the text that is read as a value: text that looks like a number is quoted. */
function textOf(item, value) {
  const text = String(value);
  return item === "any" && typeof value === "string" && parse(item, text) !== value ? `"${text}"` : text;
}
