// The screen of a blueprint: what it is, its inputs, its workflows, and what was deployed from it.

import { get } from "../api.js";
import { blueprintDeletion } from "../forms/deletion.js";
import { createDeployment } from "../forms/deployment_form.js";
import { element, link } from "../dom.js";
import { icon } from "../icons.js";
import { button, details, empty, labels, state, table, time, trail, value } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { describeConstraints } from "../forms/values.js";

const MAX_DEPLOYMENTS = 10;

export async function show(place) {
  const [blueprint, deployments] = await Promise.all([
    get(["blueprints", place.key]),
    may("deployment_list") ? get(["deployments"], { blueprint_id: place.key, _include: "id,display_name,deployment_status", _sort: "-created_at", _size: MAX_DEPLOYMENTS }) : null,
  ]);
  const plan = blueprint.plan || {};
  const canDeploy = may("deployment_create") && blueprint.state === "uploaded";
  return [
    trail([address("blueprints"), "Blueprints"]),
    element("div", { class: "heading" }, icon(blueprint.id, true), element("h1", {}, blueprint.id), state(blueprint.state),
      element("div", { class: "actions" },
        canDeploy ? button("Create a deployment…", () => createDeployment(blueprint), { class: "primary" }) : null, blueprintDeletion(blueprint))),
    blueprint.error ? element("div", { class: "problem" }, element("p", {}, "The upload failed."), element("p", { class: "reason" }, blueprint.error)) : null,
    blueprint.description ? element("p", { class: "lead" }, blueprint.description) : null,
    element("div", { class: "columns" },
      element("div", {}, showInputs(plan.inputs || {}), showWorkflows(plan.workflows || {})),
      element("div", { class: "stack" }, showAbout(blueprint, plan), deployments ? showDeployments(blueprint, deployments) : null)),
  ];
}

function showInputs(inputs) {
  const items = Object.entries(inputs).map(([name, each]) => ({ name, ...each }));
  if (!items.length) return [element("h2", {}, "Inputs"), empty("This blueprint has no inputs.")];
  return [element("h2", {}, "Inputs"), table("What a deployment is given", [
    ["Input", (each) => [element("code", {}, each.name), each.description ? element("span", { class: "sub" }, each.description) : null]],
    ["Type", (each) => [each.type || "any", element("span", { class: "sub" }, describeConstraints(each.constraints))]],
    ["Default", showDefault],
  ], items, { isCaptionHidden: true })];
}

function showDefault({ default: initial, required, hidden }) {
  if (initial === undefined) return element("span", { class: "quiet" }, required === false ? "optional" : "required");
  if (hidden) return element("span", { class: "quiet" }, "hidden");
  return initial === "" ? element("span", { class: "quiet" }, "empty") : value(initial);
}

function showWorkflows(workflows) {
  const items = Object.entries(workflows).map(([name, each]) => ({ name, ...each }));
  return [element("h2", {}, "Workflows"), table("What a deployment can be told to do", [
    ["Workflow", (each) => element("code", {}, each.name)],
    ["Parameters", (each) => Object.keys(each.parameters || {}).join(", ") || element("span", { class: "quiet" }, "none")],
  ], items, { isCaptionHidden: true })];
}

function showAbout(blueprint, plan) {
  const count = (plan.nodes || []).length;
  return element("section", { class: "card" }, element("h2", {}, "About"), details([
    ["Labels", blueprint.labels.length ? labels(blueprint.labels) : null],
    ["Nodes", count || null], ["Main file", blueprint.main_file_name], ["Uploaded", time(blueprint.created_at)],
    ["Uploaded by", blueprint.created_by], ["Visibility", blueprint.visibility],
  ]));
}

function showDeployments(blueprint, { items, metadata }) {
  const { total } = metadata.pagination;
  return element("section", { class: "card" }, element("h2", {}, "Deployments"),
    items.length ? element("ul", { class: "plain" }, items.map((each) => element("li", {}, link(address(["deployments", each.id]), each.display_name || each.id), " ", state(each.deployment_status))))
      : element("p", { class: "quiet" }, "None yet."),
    total > items.length ? element("p", { class: "quiet" }, `and ${total - items.length} more`) : null);
}
