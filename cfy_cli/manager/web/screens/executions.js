// The list of executions, the newest first.

import { get } from "../api.js";
import { element, link } from "../dom.js";
import { choiceField, LiveList, searchField } from "../lists.js";
import { duration, empty, state, table, time } from "../parts.js";
import { address } from "../router.js";

const FIELDS = "id,workflow_id,deployment_id,deployment_display_name,status,error,created_at,started_at,ended_at,scheduled_for,created_by,total_operations,finished_operations,is_dry_run";
const STATUSES = [
  ["", "Every status"], ["failed", "Failed"], ["running", "Running"], ["waiting", "Waiting"], ["terminated", "Completed"], ["cancelled", "Cancelled"],
];
const STATES = {
  running: ["started", "pending", "cancelling", "force_cancelling", "kill_cancelling"], waiting: ["queued", "scheduled"],
};

export async function show(place) {
  const list = new LiveList(place, { load, render });
  const filters = element("form", { class: "filters", role: "search", "aria-label": "Filter executions", onsubmit: (event) => event.preventDefault() },
    searchField(list, "Search workflows and deployments"), choiceField(list, "Status", "status", STATUSES),
    choiceField(list, "Show", "system", [["", "Workflows"], ["true", "Those of the manager too"]]));
  await list.start();
  return [element("div", { class: "heading" }, element("h1", {}, "Executions")), filters, list.failure, list.element];
}

function load({ search, status, system, deployment }, page, options) {
  return get(["executions"], {
    ...page, _include: FIELDS, _sort: "-created_at", _search: search, deployment_id: deployment,
    status: STATES[status] || status, _include_system_workflows: system,
  }, options);
}

function render(items, { search, status }) {
  if (!items.length) return empty(search || status ? "No execution matches." : "Nothing was executed in this tenant yet.");
  return table("Executions", [
    ["Workflow", (each) => [link(address(["executions", each.id]), each.workflow_id), each.is_dry_run ? " (dry run)" : "",
      each.error ? element("span", { class: "sub reason" }, firstLine(each.error)) : null]],
    ["Deployment", (each) => (each.deployment_id ? link(address(["deployments", each.deployment_id]), each.deployment_display_name || each.deployment_id) : element("span", { class: "quiet" }, "–"))],
    ["Status", (each) => [state(each.status), showProgress(each)]],
    ["Started", (each) => time(each.started_at || each.scheduled_for || each.created_at)],
    ["Duration", (each) => element("span", { class: "numbers" }, duration(each.started_at, each.ended_at) || "–")],
    ["By", (each) => each.created_by],
  ], items, { isCaptionHidden: true });
}

const firstLine = (text) => text.trim().split("\n")[0];

function showProgress({ status, finished_operations: done, total_operations: total }) {
  const isShown = total && !["terminated", "failed", "cancelled"].includes(status);
  return isShown ? element("span", { class: "sub numbers" }, `${done} of ${total} operations`) : null;
}
