// The field of a list, a dict or a value of a data type: rows that are added and removed, or a field for each property.
// It can be written as text too, and is where its value does not fit into fields.

import { element, replace } from "../dom.js";
import { button } from "../parts.js";
import { describeConstraints, findFault, format, kindOfValue, parse, sentence } from "./values.js";
import { listRows, dictRows, fitsRows } from "./value_rows.js";

const MAX_DEPTH = 3; // of data types in each other
const ITEM_KINDS = new Set(["text", "any", "boolean", "integer", "float"]);
const HINTS = { list: "One item on each line, or JSON.", dict: "`name: value` on each line, or JSON.", json: "JSON." };
let count = 0;

/**
 * Make the field of a definition; null where only text is offered. `makeFields` makes those of properties: the
 * function `valueFields`. The field has `name`, `element`, `control`, `mark(message)` and `readInto(values)`.
 */
export function structuredField(name, definition, given, { types = {}, depth = 0, makeFields }) {
  const label = definition.display_label || name;
  const initial = given ?? definition.default;
  const shape = shapeOf(label, definition, { types, depth, makeFields });
  if (!shape) return null;
  const id = `structured-${(count += 1)}`;
  const isRequired = definition.required !== false && definition.default === undefined;
  const wrong = element("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const hint = element("p", { class: "hint", id: `${id}-hint` });
  const place = element("div");
  const mark = (message) => {
    wrong.hidden = !message;
    replace(wrong, message);
  };
  const refuse = (message) => {
    mark(message);
    return false;
  };
  let isChanged = false;
  let editor; // what is shown: `element`, and `read()`, which returns undefined when it has marked what is wrong
  const show = (next) => {
    editor = next;
    const isLeftOut = shape.kind === "json" && !isRequired && initial === undefined;
    const words = [definition.description, isLeftOut ? "Left out unless you change it" : "", describeConstraints(definition.constraints), editor.isText ? HINTS[shape.kind] : ""];
    replace(hint, words.filter(Boolean).map(sentence).join(" "));
    replace(place, editor.element);
    replace(turn, editor.isText ? "Use fields" : "Write as text");
    turn.setAttribute("aria-label", editor.isText ? `Use fields for ${label}` : `Write ${label} as text`);
  };
  const turnOver = () => {
    try {
      const value = editor.read();
      if (value === undefined) return;
      if (editor.isText && !shape.fits(value)) throw new Error("This value does not fit into fields.");
      show(editor.isText ? shape.edit(value) : textEditor(label, shape.kind, value));
      mark("");
    } catch (error) {
      mark(error.message);
    }
  };
  const turn = button("", turnOver, { class: "quiet small turn" });
  show(shape.fits(initial) ? shape.edit(initial) : textEditor(label, shape.kind, initial));
  const made = element("fieldset", { class: "field structured", "aria-describedby": `${id}-hint ${id}-wrong` },
    element("legend", {}, label, isRequired ? element("span", { class: "required" }, " required") : null),
    turn, hint, place, wrong);
  for (const event of ["input", "change", "rows"]) {
    made.addEventListener(event, () => {
      isChanged = true;
      mark("");
    });
  }
  const readInto = (values) => {
    if (!isChanged && !isRequired && given === undefined) return true; // the default
    try {
      const value = editor.read();
      if (value === undefined) return false;
      if (shape.kind !== "json" && !Object.keys(value).length && definition.default === undefined) return isRequired ? refuse("Give a value.") : true;
      const checked = definition.item_type ? value : [value]; // constraints are for the items, if these have a type
      const fault = checked.map((each) => findFault(each, definition.constraints)).find(Boolean);
      if (fault) return refuse(fault);
      values[name] = value;
      mark("");
      return true;
    } catch (error) {
      return refuse(error.message);
    }
  };
  const focus = () => (made.querySelector("[aria-invalid=true]") ?? place.querySelector("input, select, textarea, button") ?? turn).focus();
  return { name, element: made, control: { focus }, mark, readInto };
}

/** Return how a value of a definition is edited: its kind, `fits(value)`, and `edit(value)`, which makes an editor. */
function shapeOf(label, definition, { types, depth, makeFields }) {
  const kind = kindOfValue(definition);
  const properties = types?.[definition.type]?.properties;
  if (definition.hidden) return null;
  if (kind === "json" && properties && depth < MAX_DEPTH) {
    const edit = (value) => {
      const fields = makeFields(properties, { initial: value ?? {}, types, depth: depth + 1 });
      return { element: element("div", { class: "fields properties" }, fields.elements), read: () => fields.read() ?? undefined };
    };
    return { kind, edit, fits: (value) => fitsProperties(value, properties) };
  }
  const item = definition.item_type ? kindOfValue({ type: definition.item_type }) : "any";
  if (!["list", "dict"].includes(kind) || !ITEM_KINDS.has(item)) return null;
  const rows = kind === "list" ? listRows : dictRows;
  return { kind, edit: (value) => rows(label, item, value), fits: (value) => fitsRows(kind, item, value) };
}

/** Return whether a value of a data type can be shown in the fields of its properties: functions cannot. */
function fitsProperties(value, properties) {
  if (value === undefined || value === null) return true;
  if (typeof value !== "object" || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, each]) =>
    name in properties && (typeof each !== "object" || ["any", "list", "dict", "json"].includes(kindOfValue(properties[name]))));
}

function textEditor(label, kind, value) {
  const control = element("textarea", { rows: 2, spellcheck: "false", "aria-label": label, value: format(kind, value) });
  const read = () => (control.value.trim() ? parse(kind, control.value) : kind === "list" ? [] : {});
  return { element: control, read, isText: true };
}
