// The events of an execution, live, with filters.

import { get } from "../api.js";
import { element, replace } from "../dom.js";
import { eventLine } from "./event_list.js";
import { button, problem } from "../parts.js";

const PAGE = 200; // events that are shown at first
const MAX_SHOWN = 1000; // the newest events in the document
const NEAR_END = 40; // pixels
const FIELDS = "_storage_id,reported_timestamp,type,event_type,level,node_instance_id,operation,message,error_causes";
const LEVELS = {
  all: ["Events and logs", { include_logs: true }],
  events: ["Events", {}],
  info: ["Logs from info", { type: "cloudify_log", level: ["info", "warning", "error", "critical"] }],
  warning: ["Warnings and errors", { type: "cloudify_log", level: ["warning", "error", "critical"] }],
  failures: ["Failures", { event_type: ["task_failed", "workflow_failed", "task_rescheduled"] }],
};

/** Make the list of events of an execution. Returns {element, update}: `update()` asks for new ones. */
export function liveEvents(executionId) {
  return new LiveEvents(executionId);
}

class LiveEvents {
  constructor(executionId) {
    Object.assign(this, { executionId, level: "all", node: "", text: "", generation: 0, cursor: null });
    this.list = element("ol", { class: "events" });
    this.view = element("div", { class: "events-view", tabindex: "0", role: "log", "aria-label": "Events" }, this.list);
    new ResizeObserver((_, observer) => { // it has no size to scroll in before it is shown
      if (!this.view.clientHeight) return;
      this.view.scrollTop = this.view.scrollHeight;
      observer.disconnect();
    }).observe(this.view);
    this.note = element("p", { class: "hint", role: "status" });
    this.earlier = button("Show earlier events", () => this.showEarlier(), { hidden: true });
    this.nodes = element("datalist", { id: "event-nodes" });
    this.element = element("div", { class: "live-events" }, this.makeFilters(), this.earlier, this.view, this.note);
  }

  makeFilters() {
    const options = Object.entries(LEVELS).map(([value, [text]]) => element("option", { value }, text));
    const change = (name) => (event) => {
      this[name] = event.target.value.trim();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.restart(), 250);
    };
    const field = (id, text, input, wide = "") => element("div", { class: `field ${wide}` }, element("label", { for: id }, text), input);
    return element("div", { class: "filters" },
      field("event-level", "Show", element("select", { id: "event-level", onchange: change("level") }, options)),
      field("event-node", "Node or node instance", element("input", { id: "event-node", list: "event-nodes", oninput: change("node"), autocomplete: "off" })),
      field("event-text", "Text", element("input", { id: "event-text", type: "search", oninput: change("text") }), "wide"),
      this.nodes);
  }

  /** Offer names of nodes in the filter. */
  offerNodes(names) {
    if (this.nodes.children.length !== names.length) replace(this.nodes, names.map((name) => element("option", { value: name })));
  }

  parameters() {
    return {
      execution_id: this.executionId, _include: FIELDS, ...LEVELS[this.level][1],
      node_id: this.node || null, message: this.text ? `%${this.text}%` : null,
    };
  }

  async restart() {
    this.generation += 1;
    this.cursor = null;
    await this.update().catch((error) => error.name === "AbortError" || replace(this.note, problem(error)));
  }

  /** Ask for new events; the first time for the newest ones. */
  async update(options = {}) {
    const generation = this.generation;
    const isFirst = this.cursor === null;
    const page = await get(["events"], isFirst
      ? { ...this.parameters(), _sort: "-_storage_id", _size: PAGE }
      : { ...this.parameters(), _after: this.cursor, _size: MAX_SHOWN }, options);
    if (generation !== this.generation) return; // the filter has changed meanwhile
    if (isFirst) {
      replace(this.list);
      page.items.reverse();
      this.hidden = page.metadata.pagination.total - page.items.length;
    }
    this.cursor = page.items.at(-1)?._storage_id ?? this.cursor ?? 0;
    this.append(page.items, isFirst);
    this.describe();
  }

  append(events, isFirst) {
    const { view } = this;
    const isAtEnd = isFirst || view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_END;
    this.list.append(...events.map(eventLine));
    while (isAtEnd && this.list.children.length > MAX_SHOWN) {
      this.list.firstChild.remove();
      this.hidden += 1;
    }
    if (isAtEnd) view.scrollTop = view.scrollHeight;
  }

  async showEarlier() {
    const generation = this.generation;
    const first = Number(this.list.firstChild?.dataset.id ?? 0);
    const page = await get(["events"], { ...this.parameters(), _sort: "-_storage_id", _size: PAGE, _offset: this.list.children.length });
    if (generation !== this.generation) return;
    const events = page.items.filter((event) => event._storage_id < first).reverse();
    const height = this.view.scrollHeight;
    this.list.prepend(...events.map(eventLine));
    this.view.scrollTop += this.view.scrollHeight - height;
    this.hidden = Math.max(0, page.metadata.pagination.total - this.list.children.length);
    this.describe();
  }

  describe() {
    const count = this.list.children.length;
    const isFiltered = this.node || this.text || this.level !== "all";
    this.earlier.hidden = !this.hidden;
    this.view.hidden = !count;
    const nothing = isFiltered ? "No event matches." : "There is no event yet.";
    const text = count ? `${count} shown${this.hidden ? `, ${this.hidden} earlier` : ""}` : nothing;
    if (this.note.textContent !== text) replace(this.note, text);
  }
}
