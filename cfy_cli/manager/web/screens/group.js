// The screen of a deployment group: its deployments by state, and the workflows that were started on it.

import { get } from "../api.js";
import { changing } from "../changing.js";
import { countDeployments, countExecutions, showCounts } from "../counts.js";
import { element, link } from "../dom.js";
import { choiceField, LiveList, searchField } from "../lists.js";
import { details, empty, labels, state, table, time, trail, value } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { watch } from "../watching.js";
import { groupActions } from "../forms/workflows.js";
import { showExecutionGroups } from "./groups.js";

const MEMBER_FIELDS = "id,display_name,blueprint_id,deployment_status,latest_execution_status,latest_execution,latest_execution_workflow_id";
const EXECUTION_FIELDS = "id,workflow_id,deployment_group_id,status,created_at,created_by";
const GROUP_FIELDS = "id,description,default_blueprint_id,default_inputs,labels,visibility,created_at,created_by";
const SHOWN_EXECUTIONS = 5;
const STATUSES = [["", "Every status"], ["requires_attention", "Requires attention"], ["in_progress", "In progress"], ["good", "Good"]];
const INTERVAL = 4000;

export async function show(place) {
  const group = await get(["deployment-groups", place.key], { _include: GROUP_FIELDS });
  const members = new LiveList(place, {
    render: showMembers,
    load: ({ search, status }, page, options) => get(["deployments"], {
      ...page, _group_id: group.id, _include: MEMBER_FIELDS, _search: search, deployment_status: status, _sort: "-deployment_status,id",
    }, options),
  });
  const [counts, executions] = [changing("div"), changing("div")];
  const failure = await watch(place, (options) => update(group.id, counts, executions, options), { interval: INTERVAL });
  await members.start();
  return [
    trail([address("groups"), "Groups"]), element("div", { class: "heading" }, element("h1", {}, group.id), counts,
      element("div", { class: "actions" }, groupActions(group))), failure,
    group.description ? element("p", {}, group.description) : null, element("div", { class: "card facts" }, showFacts(group)),
    element("h2", {}, "Deployments"), element("div", { class: "filters" },
      searchField(members, "Search names"), choiceField(members, "Status", "status", STATUSES)),
    members.failure, members.element, may("execution_group_list") ? element("h2", {}, "Workflows on this group") : null, executions,
  ];
}

async function update(id, counts, executions, { signal }) {
  const counted = await countDeployments(id, { signal });
  counts.show(counted, () => showCounts(counted, "no deployments"));
  if (!may("execution_group_list")) return;
  const { items } = await get(["execution-groups"], {
    deployment_group_id: id, _include: EXECUTION_FIELDS, _sort: "-created_at", _size: SHOWN_EXECUTIONS,
  }, { signal });
  const shown = await Promise.all(items.map(async (each) => ({ ...each, counts: await countExecutions(each.id, { signal }) })));
  executions.show([shown, Math.floor(Date.now() / 60000)], () => (shown.length
    ? showExecutionGroups("The newest workflows", shown)
    : empty("No workflow was started on this group yet.", ["Start one: ", element("code", {}, "cfy executions groups start WORKFLOW -g GROUP")])));
}

function showFacts(group) {
  const inputs = Object.entries(group.default_inputs ?? {});
  return details([
    ["Blueprint", group.default_blueprint_id && link(address(["blueprints", group.default_blueprint_id]), group.default_blueprint_id)],
    ["Labels", group.labels?.length ? labels(group.labels) : null], ["Visibility", group.visibility],
    ["Created", time(group.created_at)], ["Created by", group.created_by],
    ["Inputs", inputs.length ? details(inputs.map(([name, each]) => [name, value(each)])) : null],
  ]);
}

function showMembers(items, { search, status }) {
  if (!items.length) return empty(search || status ? "No deployment of the group matches." : "The group has no deployments.");
  return table("Deployments of the group", [
    ["Deployment", (each) => link(address(["deployments", each.id]), each.display_name || each.id)],
    ["Status", (each) => state(each.deployment_status)],
    ["Newest execution", (each) => (each.latest_execution ? element("span", {}, link(address(["executions", each.latest_execution]), each.latest_execution_workflow_id || "execution"), " ", state(each.latest_execution_status)) : "–")],
    ["Blueprint", (each) => link(address(["blueprints", each.blueprint_id]), each.blueprint_id)],
  ], items);
}
