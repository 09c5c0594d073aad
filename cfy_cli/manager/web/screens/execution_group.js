// The screen of an execution group: the executions of one workflow on all deployments of a group.

import { get } from "../api.js";
import { changing } from "../changing.js";
import { countExecutions, showCounts, statusOf } from "../counts.js";
import { element, link } from "../dom.js";
import { executionGroupActions } from "../forms/execution_actions.js";
import { choiceField, LiveList } from "../lists.js";
import { details, duration, empty, state, table, time, trail } from "../parts.js";
import { address } from "../router.js";
import { watch } from "../watching.js";

const FIELDS = "id,workflow_id,deployment_id,deployment_display_name,status,error,started_at,ended_at";
const GROUP_FIELDS = "id,workflow_id,deployment_group_id,status,concurrency,created_at,created_by";
const STATUSES = [["", "Every status"], ["failed", "Failed"], ["started", "Running"], ["queued", "Waiting"], ["terminated", "Completed"], ["cancelled", "Cancelled"]];
const ENDED = new Set(["terminated", "failed", "cancelled"]);

export async function show(place) {
  const [heading, facts] = [changing("div", { class: "heading" }), changing("div", { class: "card facts" })];
  const executions = new LiveList(place, {
    render: showExecutions,
    load: ({ status }, page, options) => get(["executions"], {
      ...page, _group_id: place.key, _include: FIELDS, status, _sort: "status,-created_at", _include_system_workflows: true,
    }, options),
  });
  let group;
  const failure = await watch(place, async ({ signal }) => {
    group = await get(["execution-groups", place.key], { _include: GROUP_FIELDS }, { signal });
    const counts = await countExecutions(place.key, { signal });
    const status = statusOf(group, counts);
    heading.show([status, counts], () => [
      element("h1", {}, `${group.workflow_id} on group ${group.deployment_group_id}`), state(status), showCounts(counts, "no executions"),
      element("div", { class: "actions" }, executionGroupActions({ ...group, status }, place.refresh)),
    ]);
    facts.show([group, Math.floor(Date.now() / 60000)], () => showFacts(group));
    return !ENDED.has(group.status);
  });
  await executions.start();
  return [
    trail([address("groups"), "Groups"], [address(["groups", group.deployment_group_id]), group.deployment_group_id]), heading, failure, facts,
    element("h2", {}, "Executions"), element("div", { class: "filters" }, choiceField(executions, "Status", "status", STATUSES)),
    executions.failure, executions.element,
  ];
}

function showFacts(group) {
  return details([
    ["Group", link(address(["groups", group.deployment_group_id]), group.deployment_group_id)],
    ["At a time", group.concurrency], ["Started", time(group.created_at)], ["Started by", group.created_by],
    ["Id", element("code", {}, group.id)],
  ]);
}

function showExecutions(items, { status }) {
  if (!items.length) return empty(status ? "No execution has this status." : "The group has no executions.");
  return table("Executions of the group", [
    ["Deployment", (each) => [link(address(["executions", each.id]), each.deployment_display_name || each.deployment_id || each.id),
      each.error ? element("span", { class: "sub reason" }, each.error.trim().split("\n")[0]) : null]],
    ["Status", (each) => state(each.status)],
    ["Started", (each) => time(each.started_at)],
    ["Duration", (each) => duration(each.started_at, each.ended_at) || "–"],
  ], items);
}
