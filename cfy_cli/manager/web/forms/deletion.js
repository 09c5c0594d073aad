// The forms that delete a blueprint or a deployment. What the manager refuses, it tells in the form.

import { remove } from "../api.js";
import { openForm } from "./dialog.js";
import { announce, element } from "../dom.js";
import { field } from "./fields.js";
import { forgetIcon } from "../icons.js";
import { button } from "../parts.js";
import { go } from "../router.js";
import { may } from "../session.js";

const BLUEPRINT_CHOICES = [
  ["force", "Force the deletion", "Even while other blueprints import it, or its upload has not ended. Its deployments have to be deleted before."],
];
const DEPLOYMENT_CHOICES = [
  ["recursive", "Delete the deployments inside it too", "Services that it contains, each with the same checks."],
  ["delete_logs", "Delete its events and logs too", "Without this they stay."],
  ["force", "Force the deletion", "Even while it is installed or other deployments depend on it. What it has installed stays, and nothing manages it any more."],
];

/** Return the button that deletes a blueprint, for those who may. */
export function blueprintDeletion({ id }) {
  if (!may("blueprint_delete")) return null;
  return deletion(`Delete the blueprint ${id}?`, "Its archive and its icon are deleted too.", "Delete the blueprint", BLUEPRINT_CHOICES, async (choices) => {
    await remove(["blueprints", id], choices);
    forgetIcon(id);
    announce(`The blueprint ${id} is deleted.`);
    go("blueprints");
  });
}

/** Return the button that deletes a deployment, for those who may. */
export function deploymentDeletion({ id, display_name: name }) {
  if (!may("deployment_delete")) return null;
  const shown = name && name !== id ? `${name} (${id})` : id;
  return deletion(`Delete the deployment ${shown}?`, "A deployment is uninstalled first: run the workflow uninstall.", "Delete the deployment", DEPLOYMENT_CHOICES, async (choices) => {
    await remove(["deployments", id], choices);
    announce(`The deployment ${shown} is being deleted.`);
    go("deployments");
  });
}

function deletion(title, text, submit, choices, send) {
  const open = () => {
    const fields = choices.map(([name, label, hint]) => [name, field(label, element("input", { type: "checkbox" }), { hint })]);
    openForm({
      title, submit, leave: "Back", isDangerous: true, contents: [element("p", {}, text), fields.map(([, each]) => each.element)],
      onSubmit: () => send(Object.fromEntries(fields.filter(([, each]) => each.control.checked).map(([name]) => [name, true]))),
    });
  };
  return button("Delete…", open, { class: "danger" });
}
