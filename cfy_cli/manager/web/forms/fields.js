// A form made from the inputs of a blueprint or the parameters of a workflow.

import { get } from "../api.js";
import { element, replace } from "../dom.js";
import { structuredField } from "./structured_field.js";
import { describeConstraints, findFault, format, kindOfValue, parse, sentence } from "./values.js";

const HINTS = {
  list: "One item on each line, or JSON.", dict: "`name: value` on each line, or JSON.", json: "JSON.",
};
const NAMES_OF = { // what the manager knows of these types
  secret_key: ["secrets", "key"], deployment_id: ["deployments", "id"], blueprint_id: ["blueprints", "id"],
};
const MAX_NAMES = 200;
let count = 0;

/** Make a labelled field. It has `control`, and `mark(message)`, which shows what is wrong beside it. */
export function field(label, control, { hint = "", required = false } = {}) {
  const id = `field-${(count += 1)}`;
  const wrong = element("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  control.id = id;
  const described = [hint ? `${id}-hint` : "", `${id}-wrong`].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", described);
  if (required) control.setAttribute("aria-required", "true");
  const name = element("label", { for: id }, label, required ? element("span", { class: "required" }, " required") : null);
  const note = hint ? element("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  const isCheck = control.type === "checkbox";
  const made = element("div", { class: "field" }, isCheck ? element("div", { class: "check" }, control, name) : [name, control], note, wrong);
  const mark = (message) => {
    wrong.hidden = !message;
    replace(wrong, message);
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  control.addEventListener("input", () => mark(""));
  return { element: made, control, mark };
}

/**
 * Make fields for definitions: {name: {type, default, description, constraints, …}}, with the data types of their
 * blueprint. `read()` returns the values that differ from the defaults, and those that were given as `initial`; null
 * after it has marked what is wrong. `mark(error)` shows each line of an error of the API at the field that it names,
 * and returns whether it has shown all.
 */
export function valueFields(definitions, { initial = {}, types = {}, depth = 0 } = {}) {
  const context = { types, depth, makeFields: valueFields };
  const fields = Object.entries(definitions).map(([name, definition]) =>
    structuredField(name, definition, initial[name], context) ?? valueField(name, definition, initial[name]));
  const read = () => {
    const values = {};
    const wrong = fields.filter((each) => !each.readInto(values));
    if (wrong.length) wrong[0].control.focus();
    return wrong.length ? null : values;
  };
  const mark = (error) => {
    const lines = error.message.split("\n").filter(Boolean);
    const marked = lines.map((line) => [fields.find((each) => names(line, each.name)), line]).filter(([named]) => named);
    for (const [named, line] of marked) named.mark(line);
    if (marked.length) marked[0][0].control.focus();
    return marked.length === lines.length; // else the form shows all of it
  };
  return { elements: fields.map((each) => each.element), read, mark };
}

const names = (line, name) => new RegExp("[`'\"]" + name.replace(/\W/g, "\\$&") + "[`'\"]").test(line);

function valueField(name, definition, given) {
  const kind = kindOfValue(definition);
  const initial = given ?? definition.default;
  const isRequired = definition.required !== false && definition.default === undefined;
  const control = makeControl(kind, definition, initial);
  const hint = [definition.description, control.tagName === "SELECT" ? "" : describeConstraints(definition.constraints), HINTS[kind]].filter(Boolean).map(sentence).join(" ");
  const made = field(definition.display_label || name, control, { hint, required: isRequired });
  if (NAMES_OF[definition.type]) suggest(made, NAMES_OF[definition.type]);
  const before = textOf(control);
  const readInto = (values) => {
    const text = textOf(control);
    if (text === before && !isRequired && given === undefined) return true; // the default
    const isEmptied = text.trim() === "" && before !== "" && (kind === "list" || kind === "dict");
    if (text.trim() === "" && kind !== "text" && !isEmptied) return isRequired ? refuse("Give a value.") : true;
    if (text === "" && (isRequired || before === "")) return isRequired ? refuse("Give a value.") : true;
    try {
      const value = parse(kind, text);
      const fault = findFault(value, definition.constraints);
      if (fault) return refuse(fault);
      values[name] = value;
    } catch (error) {
      return refuse(error.message);
    }
    made.mark("");
    return true;
  };
  const refuse = (message) => {
    made.mark(message);
    return false;
  };
  return { ...made, name, readInto };
}

const textOf = (control) => (control.type === "checkbox" ? String(control.checked) : control.value);

function makeControl(kind, definition, initial) {
  const choices = (definition.constraints || []).map((each) => each.valid_values).find(Array.isArray);
  if (kind === "boolean" && typeof initial === "boolean") return element("input", { type: "checkbox", checked: initial });
  if (kind === "boolean") return chooser(["true", "false"], initial, true);
  if (choices && !["list", "dict"].includes(kind)) return chooser(choices, initial, !choices.includes(initial), kind);
  if (definition.hidden) return element("input", { type: "password", autocomplete: "new-password", value: format(kind, initial) });
  if (["list", "dict", "json"].includes(kind)) return element("textarea", { rows: 2, spellcheck: "false", value: format(kind, initial) });
  if (definition.type === "textarea") return element("textarea", { rows: 4, value: format(kind, initial) });
  const number = kind === "integer" || kind === "float";
  return element("input", { type: "text", autocomplete: "off", spellcheck: "false", inputmode: number ? "decimal" : null, value: format(kind, initial) });
}

function chooser(values, initial, hasNone) {
  const options = values.map((each) => element("option", { value: String(each), selected: each === initial }, String(each)));
  return element("select", {}, hasNone ? element("option", { value: "", selected: true }, "–") : null, options);
}

/** Offer the names that the manager knows, when the field is first used. */
function suggest({ element: parent, control }, [resource, key]) {
  const list = element("datalist", { id: `${control.id}-names` });
  parent.append(list);
  control.setAttribute("list", list.id);
  control.addEventListener("focus", async () => {
    const known = await get([resource], { _include: key, _size: MAX_NAMES }).catch(() => ({ items: [] }));
    replace(list, known.items.map((each) => element("option", { value: each[key] })));
  }, { once: true });
}
