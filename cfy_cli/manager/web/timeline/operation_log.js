// The log of one attempt at an operation, in a panel.

import { getAll } from "../api.js";
import { formatDuration } from "./attempts.js";
import { element, replace } from "../dom.js";
import { eventLine } from "./event_list.js";
import { live } from "../live.js";
import { openPanel } from "../forms/panel.js";
import { details, problem } from "../parts.js";

const MAX_EVENTS = 5000;

/** Open the log of an attempt of an execution; it grows while the attempt runs. */
export async function openOperationLog(executionId, attempt, attempts) {
  const facts = element("div", { class: "panel-facts" });
  const list = element("ol", { class: "events" });
  const view = element("div", { class: "events-view", tabindex: "0", role: "log", "aria-label": "Log of the operation" }, list);
  const note = element("p", { class: "hint" }, "Loading…");
  let stop = () => {};
  const panel = openPanel(`${attempt.name} on ${attempt.place}`, [facts, note, view], () => stop());
  try {
    stop = await live(async ({ signal }) => {
      const events = await getAll(["events"], parametersOf(executionId, attempt, attempts), MAX_EVENTS, { signal });
      const own = events.filter((event) => isOf(event, attempt));
      replace(facts, describe(attempt));
      if (list.children.length !== own.length) replace(list, own.map(eventLine));
      note.textContent = "The operation has written nothing.";
      note.hidden = own.length > 0;
      view.hidden = !own.length;
      return attempt.end === null;
    });
    if (!panel.isConnected) stop();
  } catch (error) {
    if (error.name !== "AbortError") replace(note, problem(error));
  }
}

function parametersOf(executionId, { instance, operation, start, place, side }, attempts) {
  const isSame = (other) => other.place === place && other.side === side && other.operation === operation;
  const next = attempts.all.find((other) => isSame(other) && other.start > start);
  return {
    execution_id: executionId, node_instance_id: instance, operation, include_logs: true, _sort: "_storage_id",
    from_datetime: new Date(start).toISOString(), to_datetime: next && new Date(next.start - 1).toISOString(),
  };
}

function isOf({ source_id: source, target_id: target }, { place }) {
  return !source || place === `${source} → ${target}`;
}

function describe({ outcome, start, end, operation, side }) {
  return details([
    ["Outcome", outcome], ["Operation", operation], ["Side", side],
    ["Started", new Date(start).toLocaleString()], ["Duration", formatDuration((end ?? Date.now()) - start)],
  ]);
}
