// Filtering of a list by labels, and by filters that were stored.

import { getAll } from "../api.js";
import { element, replace } from "../dom.js";
import { choiceField } from "../lists.js";
import { button } from "../parts.js";

const SEPARATOR = ","; // between KEY=VALUE in the address; labels have neither without their escapes

const encode = (pairs) => pairs.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join(SEPARATOR);
const decode = (text) => (text || "").split(SEPARATOR).filter(Boolean).map((pair) => {
  const [key, value = ""] = pair.split("=").map(decodeURIComponent);
  return { key, value };
});

/** Return the filter rules of chosen labels: of one key any, of different keys all. */
export function toRules(text) {
  const values = new Map();
  for (const { key, value } of decode(text)) values.set(key, [...(values.get(key) || []), value]);
  return [...values].map(([key, each]) => ({ key, values: each, operator: "any_of", type: "label" }));
}

/** Make the fields that choose a label, and the chips of those that are chosen; labels in the list can be pressed. */
export function labelFilter(list, resource) {
  const chips = element("div", { class: "chips", role: "group", "aria-label": "Chosen labels" });
  const change = (pairs) => {
    list.set({ labels: encode(pairs) });
    showChips();
  };
  const without = (pair) => decode(list.filters.labels).filter((each) => each.key !== pair.key || each.value !== pair.value);
  const showChips = () => replace(chips, decode(list.filters.labels).map((pair) =>
    button([element("b", {}, pair.key), ` ${pair.value} ✕`], () => change(without(pair)), { class: "label", "aria-label": `Remove the label ${pair.key} ${pair.value}` })));
  list.addLabel = ({ key, value }) => change([...without({ key, value }), { key, value }]);
  showChips();
  return { element: chooser(list, resource), chips };
}

function chooser(list, resource) {
  const key = element("select", { id: "label-key" }, element("option", { value: "" }, "Any"));
  const value = element("select", { id: "label-value", disabled: true }, element("option", { value: "" }, "–"));
  const fill = (select, first, items) => replace(select, element("option", { value: "" }, first), items.map((each) => element("option", { value: each }, each)));
  key.addEventListener("focus", async () => fill(key, "Any", await getAll(["labels", resource]).catch(() => [])), { once: true });
  key.addEventListener("change", async () => {
    value.disabled = !key.value;
    fill(value, "Choose", key.value ? await getAll(["labels", resource, key.value]).catch(() => []) : []);
  });
  value.addEventListener("change", () => {
    if (value.value) list.addLabel({ key: key.value, value: value.value });
    key.value = value.value = "";
    value.disabled = true;
  });
  return element("div", { class: "pair" },
    element("div", { class: "field" }, element("label", { for: "label-key" }, "Label"), key),
    element("div", { class: "field" }, element("label", { for: "label-value" }, "Value"), value));
}

/** Make the field that chooses a stored filter; null when there is none. */
export async function savedFilters(list, resource) {
  const stored = await getAll(["filters", resource], { _include: "id,is_system_filter" }).catch(() => []);
  if (!stored.length) return null;
  const own = stored.filter((each) => !each.is_system_filter);
  const names = [...own, ...stored.filter((each) => each.is_system_filter)].map(({ id }) => [id, id]);
  return choiceField(list, "Saved filter", "filter", [["", "None"], ...names]);
}
