// The forms that start a workflow on a deployment, or on all deployments of a group.

import { get, post } from "../api.js";
import { openForm } from "./dialog.js";
import { element, replace } from "../dom.js";
import { field, valueFields } from "./fields.js";
import { kindOfValue } from "./values.js";
import { button, problem } from "../parts.js";
import { go } from "../router.js";
import { may } from "../session.js";

const MAX_ASKED = 100; // deployments of a group that are asked for their workflows
const DEFAULT_CONCURRENCY = 5;

/** Return the actions that a user has on a deployment: to run a workflow. */
export function deploymentActions({ id, display_name: name }) {
  return may("execution_start") ? runButton(() => startWorkflow(id, name || id)) : [];
}

/** Return the actions that a user has on a deployment group: to run a workflow on all its deployments. */
export function groupActions({ id }) {
  return may("execution_group_create") ? runButton(() => startGroupWorkflow(id)) : [];
}

function runButton(start) {
  const failure = element("div");
  const open = async () => {
    replace(failure);
    try {
      await start();
    } catch (error) {
      replace(failure, problem(error));
    }
  };
  return [button("Run a workflow…", open, { class: "primary" }), failure];
}

async function startWorkflow(id, name) {
  const { workflows, blueprint_id: blueprint } = await get(["deployments", id], { _include: "workflows,blueprint_id" });
  openWorkflowForm({
    title: `Run a workflow on ${name}`, workflows, types: await loadTypes(workflows, blueprint), options: runOptions(),
    start: async (workflow, parameters, options) => {
      const started = await post(["executions"], { deployment_id: id, workflow_id: workflow, parameters, ...options });
      go(["executions", started.id]);
    },
  });
}

async function startGroupWorkflow(id) {
  const { items } = await get(["deployments"], { _group_id: id, _include: "workflows,blueprint_id", _size: MAX_ASKED });
  const byName = new Map();
  for (const each of items.flatMap(({ workflows }) => workflows)) {
    const known = byName.get(each.name);
    if (!known || (!isAvailable(known) && isAvailable(each))) byName.set(each.name, each);
  }
  const workflows = [...byName.values()];
  openWorkflowForm({
    title: `Run a workflow on all deployments of ${id}`, workflows, types: await loadTypes(workflows, items[0]?.blueprint_id), options: groupOptions(),
    start: async (workflow, parameters, options) => {
      const started = await post(["execution-groups"], { deployment_group_id: id, workflow_id: workflow, default_parameters: parameters, ...options });
      go(["groups", "executions", started.id]);
    },
  });
}

/** Load the data types of a blueprint, if a workflow has a parameter of one. */
async function loadTypes(workflows, blueprint) {
  const isNeeded = workflows.some(({ parameters }) => Object.values(parameters || {}).some((each) => kindOfValue(each) === "json"));
  if (!isNeeded || !may("blueprint_get")) return {};
  const { plan } = await get(["blueprints", blueprint], { _include: "plan" });
  return plan?.data_types;
}

/** Open the form: the workflow, its parameters, and how it is run. */
function openWorkflowForm({ title, workflows, types, options, start }) {
  const byName = [...workflows].sort((one, other) => one.name.localeCompare(other.name));
  const groups = [["Available", byName.filter(isAvailable)], ["Not in the present state", byName.filter((each) => !isAvailable(each))]];
  const select = element("select", {}, groups.filter(([, each]) => each.length).map(([label, members]) =>
    element("optgroup", { label }, members.map((each) => element("option", { value: each.name, disabled: !isAvailable(each) }, each.name)))));
  const workflowField = field("Workflow", select);
  const parameters = element("div", { class: "fields" });
  let fields;
  const choose = () => {
    const workflow = byName.find((each) => each.name === select.value);
    fields = valueFields(workflow?.parameters || {}, { types });
    replace(parameters, fields.elements.length ? fields.elements : element("p", { class: "hint" }, "This workflow has no parameters."));
  };
  select.value = (groups[0][1].find((each) => each.name === "install") || groups[0][1][0] || {}).name || "";
  select.addEventListener("change", choose);
  choose();
  openForm({
    title, submit: "Run", contents: [workflowField.element, parameters, options.element],
    mark: (error) => fields.mark(error),
    onSubmit: async () => {
      const values = fields.read();
      if (!select.value) workflowField.mark("There is no workflow that can be run.");
      const given = options.read();
      if (!values || !select.value || !given) return false;
      await start(select.value, values, given);
      return true;
    },
  });
}

const isAvailable = (workflow) => workflow.is_available !== false;
const check = (label, hint) => field(label, element("input", { type: "checkbox" }), { hint });
const howItIsRun = (fields) => element("details", {}, element("summary", {}, "How it is run"), element("div", { class: "fields" }, fields.map((each) => each.element)));

function runOptions() {
  const dry = check("Dry run", "Go through all operations without running them.");
  const queue = check("Wait for other executions", "Start when those of this deployment have ended.");
  const force = check("Start beside other executions", "Two of them may disturb each other.");
  return {
    element: howItIsRun([dry, queue, force]),
    read: () => ({ dry_run: dry.control.checked, queue: queue.control.checked, force: force.control.checked }),
  };
}

function groupOptions() {
  const concurrency = field("At a time", element("input", { type: "text", inputmode: "numeric", autocomplete: "off", value: DEFAULT_CONCURRENCY }), {
    hint: "How many deployments it runs on at the same time; 0 waits until the number is raised.",
  });
  const force = check("Start beside other executions", "Two of them may disturb each other.");
  const made = howItIsRun([concurrency, force]);
  const read = () => {
    const text = concurrency.control.value.trim();
    if (/^\d+$/.test(text)) return { concurrency: Number(text), force: force.control.checked };
    made.open = true;
    concurrency.mark("Give a whole number, such as 5.");
    concurrency.control.focus();
    return null;
  };
  return { element: made, read };
}
