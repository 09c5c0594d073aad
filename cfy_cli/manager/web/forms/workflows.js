// The form that starts a workflow on a deployment.

import { get, post } from "../api.js";
import { openForm } from "./dialog.js";
import { element, replace } from "../dom.js";
import { field, valueFields } from "./fields.js";
import { button, problem } from "../parts.js";
import { go } from "../router.js";
import { may } from "../session.js";

/** Return the actions that a user has on a deployment: to run a workflow. */
export function deploymentActions({ id, display_name: name }) {
  if (!may("execution_start")) return [];
  const failure = element("div");
  const open = async () => {
    replace(failure);
    try {
      const { workflows } = await get(["deployments", id], { _include: "workflows" });
      startWorkflow(id, name || id, workflows);
    } catch (error) {
      replace(failure, problem(error));
    }
  };
  return [button("Run a workflow…", open, { class: "primary" }), failure];
}

/** Open the form: the workflow, its parameters, and how it is run. Once it is started, show the execution. */
export function startWorkflow(deployment, name, workflows) {
  const byName = [...workflows].sort((one, other) => one.name.localeCompare(other.name));
  const groups = [["Available", byName.filter(isAvailable)], ["Not in the present state", byName.filter((each) => !isAvailable(each))]];
  const select = element("select", {}, groups.filter(([, each]) => each.length).map(([label, members]) =>
    element("optgroup", { label }, members.map((each) => element("option", { value: each.name, disabled: !isAvailable(each) }, each.name)))));
  const parameters = element("div", { class: "fields" });
  let fields;
  const choose = () => {
    const workflow = byName.find((each) => each.name === select.value);
    fields = valueFields(workflow?.parameters || {});
    replace(parameters, fields.elements.length ? fields.elements : element("p", { class: "hint" }, "This workflow has no parameters."));
  };
  select.value = (groups[0][1].find((each) => each.name === "install") || groups[0][1][0] || {}).name || "";
  select.addEventListener("change", choose);
  choose();
  const options = runOptions();
  openForm({
    title: `Run a workflow on ${name}`, submit: "Run",
    contents: [field("Workflow", select).element, parameters, options.element],
    mark: (error) => fields.mark(error),
    onSubmit: async () => {
      const values = fields.read();
      if (!values) return false;
      const started = await post(["executions"], { deployment_id: deployment, workflow_id: select.value, parameters: values, ...options.read() });
      go(["executions", started.id]);
      return true;
    },
  });
}

const isAvailable = (workflow) => workflow.is_available !== false;

function runOptions() {
  const dry = field("Dry run", element("input", { type: "checkbox" }), { hint: "Go through all operations without running them." });
  const queue = field("Wait for other executions", element("input", { type: "checkbox" }), { hint: "Start when those of this deployment have ended." });
  const force = field("Start beside other executions", element("input", { type: "checkbox" }), { hint: "Two of them may disturb each other." });
  return {
    element: element("details", {}, element("summary", {}, "How it is run"), element("div", { class: "fields" }, dry.element, queue.element, force.element)),
    read: () => ({ dry_run: dry.control.checked, queue: queue.control.checked, force: force.control.checked }),
  };
}
