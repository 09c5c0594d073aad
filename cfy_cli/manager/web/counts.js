// How many deployments or executions are in each state.

import { get } from "./api.js";
import { element } from "./dom.js";
import { kindOf, state } from "./parts.js";

const RANKS = ["bad", "running", "waiting", "stopped", "good"]; // what needs attention comes first

/** Count the deployments of a group by their status. */
export const countDeployments = (groupId, options) => count("deployments", "deployment_status", groupId, options);

/** Count the executions of an execution group by their status. */
export const countExecutions = (groupId, options) => count("executions", "status", groupId, options);

/** Return [[status, number]], the most urgent first. */
async function count(noun, field, groupId, options) {
  const { items } = await get(["summary", noun], { _target_field: field, _group_id: groupId }, options);
  const rank = ([name]) => RANKS.indexOf(kindOf(name));
  return items.map((each) => [each[field], each[noun]]).sort((one, other) => rank(one) - rank(other));
}

/** Return the status of an execution group as people read it: one whose executions were cancelled is not completed. */
export function statusOf({ status }, counts) {
  return status === "terminated" && counts.some(([name]) => name === "cancelled") ? "cancelled" : status;
}

/** Show counts as states with their numbers. */
export function showCounts(counts, nothing) {
  if (!counts.length) return element("span", { class: "quiet" }, nothing);
  return element("span", { class: "counts" }, counts.map(([name, number]) => {
    const shown = state(name);
    shown.append(element("b", {}, ` ${number}`));
    return shown;
  }));
}
