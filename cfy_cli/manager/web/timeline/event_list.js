// Lines of events and logs.

import { element } from "../dom.js";
import { tidy } from "../problems.js";

const LEVELS = { critical: "CRITICAL", error: "ERROR", warning: "WARNING", info: "info", debug: "debug" };
const BAD_EVENTS = new Set(["task_failed", "workflow_failed"]);
const WARNING_EVENTS = new Set(["task_rescheduled", "workflow_cancelled"]);
const FORMAT = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });

/** Show an event as a line: its time, its level, where it happened, and what. */
export function eventLine(event) {
  const when = new Date(event.reported_timestamp ?? event.timestamp);
  const kind = kindOf(event);
  const operation = event.operation?.split(".").at(-1);
  const place = [event.node_instance_id, operation].filter(Boolean).join(" · ");
  return element("li", { class: `event ${kind}`, "data-id": event._storage_id },
    element("time", { datetime: when.toISOString(), title: when.toLocaleString() }, FORMAT.format(when)),
    element("span", { class: "event-level" }, levelOf(event, kind)),
    element("span", { class: "event-place" }, place),
    element("span", { class: "event-message" }, tidy(event.message ?? ""), causesOf(event)));
}

function kindOf(event) {
  if (BAD_EVENTS.has(event.event_type) || event.level === "error" || event.level === "critical") return "bad";
  if (WARNING_EVENTS.has(event.event_type) || event.level === "warning") return "warning";
  return event.type === "cloudify_log" ? (event.level === "debug" ? "debug" : "log") : "step";
}

function levelOf(event, kind) {
  if (event.type === "cloudify_log") return LEVELS[event.level] ?? event.level ?? "log";
  return { bad: "✕ failed", warning: "! event" }[kind] ?? "event";
}

function causesOf({ error_causes: causes }) {
  const texts = (causes ?? []).map((each) => each.traceback).filter(Boolean);
  if (!texts.length) return null;
  return element("details", {}, element("summary", {}, "Traceback"), element("pre", { tabindex: "0" }, texts.join("\n")));
}
