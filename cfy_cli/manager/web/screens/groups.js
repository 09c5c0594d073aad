// The deployment groups and the execution groups of the tenant, with counts of their members by state.

import { get } from "../api.js";
import { changing } from "../changing.js";
import { countDeployments, countExecutions, showCounts, statusOf } from "../counts.js";
import { element, link } from "../dom.js";
import { empty, labels, state, table, time } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { watch } from "../watching.js";

const GROUP_FIELDS = "id,description,default_blueprint_id,labels,created_at";
const EXECUTION_FIELDS = "id,workflow_id,deployment_group_id,status,created_at,created_by";
const SHOWN = 25; // of each kind, the newest
const INTERVAL = 4000;

export async function show(place) {
  const groups = changing("div");
  const executions = changing("div");
  const update = async (options) => {
    await Promise.all([updateGroups(groups, options), updateExecutions(executions, options)]);
  };
  const failure = await watch(place, update, { interval: INTERVAL });
  return [element("div", { class: "heading" }, element("h1", {}, "Groups")), failure, groups, may("execution_group_list") ? element("h2", {}, "Execution groups") : null, executions];
}

const minute = () => Math.floor(Date.now() / 60000);

async function load(noun, fields, count, options) {
  const { items, metadata } = await get([noun], { _include: fields, _sort: "-created_at", _size: SHOWN }, options);
  const counts = await Promise.all(items.map((each) => count(each.id, options)));
  return { items: items.map((each, index) => ({ ...each, counts: counts[index] })), total: metadata.pagination.total };
}

const caption = (text, { items, total }) => (total > items.length ? `${text}: the newest ${items.length} of ${total}` : text);

async function updateGroups(groups, { signal }) {
  const page = await load("deployment-groups", GROUP_FIELDS, countDeployments, { signal });
  groups.show([page, minute()], () => (page.items.length ? table(caption("Deployment groups", page), [
    ["Group", (each) => [link(address(["groups", each.id]), each.id), each.description ? element("span", { class: "sub" }, each.description) : null]],
    ["Deployments", (each) => showCounts(each.counts, "none")],
    ["Blueprint", (each) => (each.default_blueprint_id ? link(address(["blueprints", each.default_blueprint_id]), each.default_blueprint_id) : "–")],
    ["Labels", (each) => (each.labels?.length ? labels(each.labels) : "–")],
    ["Created", (each) => time(each.created_at)],
  ], page.items) : empty("There is no deployment group yet.", ["Create one: ", element("code", {}, "cfy deployments groups create GROUP")])));
}

async function updateExecutions(executions, { signal }) {
  if (!may("execution_group_list")) return;
  const page = await load("execution-groups", EXECUTION_FIELDS, countExecutions, { signal });
  executions.show([page, minute()], () => (page.items.length ? showExecutionGroups(caption("Workflows on groups", page), page.items)
    : empty("No workflow was started on a group yet.", ["Start one: ", element("code", {}, "cfy executions groups start WORKFLOW -g GROUP")])));
}

/** Show execution groups as a table; also used on the screen of a deployment group. */
export function showExecutionGroups(text, items) {
  return table(text, [
    ["Workflow", (each) => link(address(["groups", "executions", each.id]), each.workflow_id)],
    ["Group", (each) => link(address(["groups", each.deployment_group_id]), each.deployment_group_id)],
    ["Status", (each) => state(statusOf(each, each.counts))],
    ["Executions", (each) => showCounts(each.counts, "none")],
    ["Started", (each) => time(each.created_at)],
    ["By", (each) => each.created_by],
  ], items);
}
