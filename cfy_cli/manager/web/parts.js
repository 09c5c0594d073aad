// Parts that screens share: states, times, problems, tables, labels.

import { element, link } from "./dom.js";

const MARKS = {
  good: "✓", bad: "✕", running: "◐", waiting: "○", stopped: "–", unknown: "?",
};
const STATES = { // of deployments, executions and blueprints; all others are passed through
  terminated: ["good", "completed"], completed: ["good"], good: ["good"], active: ["good"],
  uploaded: ["good"], on: ["good"],
  failed: ["bad"], requires_attention: ["bad", "requires attention"], failed_uploading: ["bad", "upload failed"],
  failed_importing: ["bad", "import failed"], failed_extracting: ["bad", "extraction failed"],
  failed_extracting_to_file_server: ["bad", "extraction failed"], invalid: ["bad"], error: ["bad"],
  pending: ["waiting"], queued: ["waiting"], scheduled: ["waiting"], uninitialized: ["waiting"],
  cancelled: ["stopped"], inactive: ["stopped"], off: ["stopped"], deleted: ["stopped"],
};

/** Show a state by a mark and a word, so that the colour says nothing that they do not. */
export function state(name, text) {
  if (!name) return element("span", { class: "state unknown" }, "–");
  const [kind, word] = STATES[name] || ["running"];
  return element("span", { class: `state ${kind}`, "data-state": name },
    element("span", { class: "mark", "aria-hidden": "true" }, MARKS[kind]), text || word || name.replaceAll("_", " "));
}

/** Return the kind of a state: good, bad, running, waiting or stopped. */
export const kindOf = (name) => (STATES[name] || ["running"])[0];

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Show when something was, in words; the exact time is its title. */
export function time(text) {
  if (!text) return element("span", { class: "quiet" }, "–");
  const date = new Date(text);
  const seconds = (date - Date.now()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) || ["second", 1];
  const words = unit === "second" && Math.abs(seconds) < 45 ? "just now" : RELATIVE.format(Math.round(seconds / size), unit);
  return element("time", { datetime: text, title: FORMAT.format(date) }, words);
}

/** Return a duration between two times in words: 1 m 20 s; without an end until now. */
export function duration(begin, end) {
  if (!begin) return "";
  const seconds = Math.max(0, ((end ? new Date(end) : new Date()) - new Date(begin)) / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} m ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}

/** Show a failure of the API as its sentence and its hint. */
export function problem(error) {
  return element("div", { class: "problem", role: "alert" },
    element("p", {}, error.message), error.hint ? element("p", { class: "hint" }, error.hint) : null);
}

/**
 * `columns` are [heading, function of an item that returns its cell]; the first cell is the heading of its row. The
 * caption is for screen readers alone where it would repeat a heading.
 */
export function table(caption, columns, items, { describe, isCaptionHidden = false } = {}) {
  const heads = columns.map(([heading]) => element("th", { scope: "col" }, heading));
  const rows = items.map((item) => element("tr", describe ? describe(item) : {}, columns.map(([heading, cell], index) =>
    element(index ? "td" : "th", index ? { "data-heading": heading } : { scope: "row" }, element("div", {}, cell(item))))));
  return element("table", {}, element("caption", { class: isCaptionHidden ? "unseen" : null }, caption), element("thead", {}, element("tr", {}, heads)),
    element("tbody", {}, rows));
}

/** Show labels; with `choose(label)`, they can be pressed. */
export function labels(items, choose) {
  return element("span", { class: "labels" }, (items || []).map((each) => {
    const text = [element("b", {}, each.key), ` ${each.value}`];
    return choose ? button(text, () => choose(each), { class: "label", title: "Show only those with this label" }) : element("span", { class: "label" }, text);
  }));
}

/** Show an empty list, and what makes its first item. */
export function empty(text, hint) {
  return element("div", { class: "empty" }, element("p", {}, text), hint ? element("p", { class: "hint" }, hint) : null);
}

/** Show pairs of names and values as a list of details. */
export function details(pairs) {
  return element("dl", { class: "details" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

const MAX_LINE = 60; // characters

/** Show a value of JSON: text as it is, others as JSON. */
export function value(content) {
  if (typeof content === "string") return element("span", { class: "value" }, content);
  const text = JSON.stringify(content);
  return element("code", { class: "value" }, text.length > MAX_LINE ? JSON.stringify(content, null, 2) : text);
}

/** Show the path to a screen above its heading. */
export function trail(...steps) {
  return element("p", { class: "trail" }, steps.map(([target, text]) => [link(target, text), " / "]));
}

export const button = (text, onclick, attributes = {}) => element("button", { type: "button", onclick, ...attributes }, text);
