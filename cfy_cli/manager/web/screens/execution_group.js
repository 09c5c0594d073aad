// The screen of an execution group: the executions of one workflow on all deployments of a group.

import { get, post } from "../api.js";
import { changing } from "../changing.js";
import { countExecutions, showCounts } from "../counts.js";
import { confirm } from "../forms/dialog.js";
import { element, link } from "../dom.js";
import { choiceField, LiveList } from "../lists.js";
import { button, details, duration, empty, state, table, time, trail } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";
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
    heading.show([group.status, counts], () => [
      element("h1", {}, `${group.workflow_id} on group ${group.deployment_group_id}`), state(group.status), showCounts(counts, "no executions"),
      element("div", { class: "actions" }, actionsOf(group, place.refresh)),
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

function actionsOf({ id, status, workflow_id: workflow }, refresh) {
  if (!may("execution_group_cancel")) return [];
  const ask = (action, name, text) => button(`${name}…`, () => confirm({
    title: `${name} ${workflow} on the group?`, text, submit: `${name} the executions`, isDangerous: action === "cancel",
    onSubmit: async () => {
      await post(["execution-groups", id], { action });
      refresh();
    },
  }));
  if (!ENDED.has(status)) return [ask("cancel", "Cancel", "Operations that run may finish; no others are begun, and executions that wait are not started.")];
  return status === "terminated" ? [] : [ask("resume", "Resume", "Executions that did not succeed go on where they ended.")];
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
