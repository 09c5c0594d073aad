// The form that creates a deployment from a blueprint, with a field for each of its inputs.

import { post, put } from "../api.js";
import { openForm } from "./dialog.js";
import { element } from "../dom.js";
import { field, valueFields } from "./fields.js";
import { nameField } from "./name_field.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { visibilityField } from "./visibility.js";

/** Open the form; once the deployment is created, show it, or the execution that installs it. */
export function createDeployment(blueprint) {
  const id = nameField();
  const visibility = visibilityField(blueprint.visibility);
  const install = may("execution_start") ? field("Install it at once", element("input", { type: "checkbox", checked: true })) : null;
  const inputs = valueFields(blueprint.plan?.inputs || {}, { types: blueprint.plan?.data_types });
  openForm({
    title: `Create a deployment of ${blueprint.id}`, submit: "Create",
    contents: [id.element, inputs.elements.length ? element("fieldset", {}, element("legend", {}, "Inputs"), inputs.elements) : null, visibility.element, install?.element],
    mark: (error) => inputs.mark(error) || id.markError(error),
    onSubmit: async () => {
      const values = inputs.read();
      const name = id.read();
      if (!name || !values) return false;
      await put(["deployments", name], { blueprint_id: blueprint.id, inputs: values, visibility: visibility.control.value });
      go(["deployments", name]);
      if (install?.control.checked) await installIt(name);
      return true;
    },
  });
}

async function installIt(deployment) {
  const started = await post(["executions"], { deployment_id: deployment, workflow_id: "install" });
  go(["executions", started.id]);
}
