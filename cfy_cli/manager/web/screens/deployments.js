// The list of deployments: first those that require attention, then those in progress.

import { post } from "../api.js";
import { element, link } from "../dom.js";
import { labelFilter, savedFilters, toRules } from "../forms/label_filter.js";
import { choiceField, LiveList, searchField } from "../lists.js";
import { empty, labels, state, table, time } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";

const FIELDS = "id,display_name,blueprint_id,deployment_status,installation_status,labels,created_at,created_by,latest_execution,latest_execution_status,latest_execution_workflow_id,latest_execution_finished_operations,latest_execution_total_operations";
const STATUSES = [["", "Every status"], ["requires_attention", "Requires attention"], ["in_progress", "In progress"], ["good", "Good"]];

export async function show(place) {
  const list = new LiveList(place, { load, render: (items, filters) => render(items, filters, list) });
  const labelled = labelFilter(list, "deployments");
  const filters = element("form", { class: "filters", role: "search", "aria-label": "Filter deployments", onsubmit: (event) => event.preventDefault() },
    searchField(list, "Search names"), choiceField(list, "Status", "status", STATUSES),
    may("filter_list") ? await savedFilters(list, "deployments") : null, may("labels_list") ? labelled.element : null);
  await list.start();
  const hint = may("deployment_create") ? link(address("blueprints"), "New deployment from a blueprint") : null;
  return [element("div", { class: "heading" }, element("h1", {}, "Deployments"), element("div", { class: "actions" }, hint)), filters, labelled.chips, list.failure, list.element];
}

function load({ search, status, filter, labels: chosen }, page, options) {
  const rules = toRules(chosen);
  const body = { ...(filter ? { filter_id: filter } : {}), ...(rules.length ? { filter_rules: rules } : {}) };
  return post(["searches", "deployments"], body, {
    ...page, _include: FIELDS, _sort: ["-deployment_status", "-created_at"], _search: search, deployment_status: status,
  }, options);
}

function render(items, filters, list) {
  if (!items.length) return nothing(filters);
  const addLabel = (each) => list.addLabel(each);
  return table("Deployments", [
    ["Name", (each) => [link(address(["deployments", each.id]), each.display_name || each.id),
      each.display_name && each.display_name !== each.id ? element("span", { class: "sub" }, each.id) : null]],
    ["Status", (each) => state(each.deployment_status)],
    ["Latest execution", showLatest],
    ["Blueprint", (each) => (each.blueprint_id ? link(address(["blueprints", each.blueprint_id]), each.blueprint_id) : "–")],
    ["Labels", (each) => (each.labels.length ? labels(each.labels, addLabel) : element("span", { class: "quiet" }, "–"))],
    ["Created", (each) => [time(each.created_at), element("span", { class: "sub" }, `by ${each.created_by}`)]],
  ], items, { isCaptionHidden: true });
}

function showLatest(each) {
  if (!each.latest_execution) return element("span", { class: "quiet" }, "–");
  const { latest_execution_finished_operations: done, latest_execution_total_operations: total } = each;
  const isRunning = ["started", "pending", "cancelling"].includes(each.latest_execution_status);
  return [
    link(address(["executions", each.latest_execution]), each.latest_execution_workflow_id), " ", state(each.latest_execution_status),
    isRunning && total ? element("span", { class: "sub numbers" }, `${done} of ${total} operations`) : null,
  ];
}

function nothing({ search, status, filter, labels: chosen }) {
  if (search || status || filter || chosen) return empty("No deployment matches.", "Change or remove the filters above.");
  const hint = ["Create one from a ", link(address("blueprints"), "blueprint"), ", or in a terminal: ", element("code", {}, "cfy install blueprint.yaml")];
  return empty("There are no deployments in this tenant yet.", may("deployment_create") ? hint : null);
}
