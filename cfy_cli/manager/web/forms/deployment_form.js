// The form that creates a deployment from a blueprint, with a field for each of its inputs.

import { post, put } from "../api.js";
import { openForm } from "./dialog.js";
import { element } from "../dom.js";
import { field, valueFields } from "./fields.js";
import { go } from "../router.js";
import { may } from "../session.js";

const VISIBILITIES = [["tenant", "All users of the tenant"], ["private", "Only the owner and administrators"], ["global", "All tenants"]];

/** Open the form; once the deployment is created, show it, or the execution that installs it. */
export function createDeployment(blueprint) {
  const id = field("Name", element("input", { type: "text", autocomplete: "off", spellcheck: "false" }), { hint: "Letters, digits and . _ - are allowed.", required: true });
  const offered = VISIBILITIES.filter(([name]) => name !== "global" || may("create_global_resource"));
  const visibility = field("Visible to", element("select", {}, offered.map(([name, text]) => element("option", { value: name, selected: name === blueprint.visibility }, text))));
  const install = may("execution_start") ? field("Install it at once", element("input", { type: "checkbox", checked: true })) : null;
  const inputs = valueFields(blueprint.plan?.inputs || {});
  openForm({
    title: `Create a deployment of ${blueprint.id}`, submit: "Create",
    contents: [id.element, inputs.elements.length ? element("fieldset", {}, element("legend", {}, "Inputs"), inputs.elements) : null, visibility.element, install?.element],
    mark: (error) => inputs.mark(error) || markName(id, error),
    onSubmit: async () => {
      const name = id.control.value.trim();
      const values = inputs.read();
      if (!name) refuse(id);
      if (!name || !values) return false;
      await put(["deployments", name], { blueprint_id: blueprint.id, inputs: values, visibility: visibility.control.value });
      go(["deployments", name]);
      if (install?.control.checked) await installIt(name);
      return true;
    },
  });
}

function refuse(id) {
  id.mark("Give a name.");
  id.control.focus();
}

async function installIt(deployment) {
  const started = await post(["executions"], { deployment_id: deployment, workflow_id: "install" });
  go(["executions", started.id]);
}

/** Show errors about the name at its field: it is taken, or not allowed. */
function markName(id, error) {
  const name = id.control.value.trim();
  if (!name || !error.message.includes(name)) return false;
  id.mark(error.message);
  id.control.focus();
  return true;
}
