// What a user may do with an execution: cancel, force-cancel, kill, resume.

import { post } from "../api.js";
import { confirm } from "./dialog.js";
import { button } from "../parts.js";
import { may } from "../session.js";

const WAITING = ["pending", "scheduled", "queued"];
const ACTIONS = [
  {
    action: "cancel", name: "Cancel", from: ["started", ...WAITING], isDangerous: false,
    text: "Operations that run may finish; no others are begun. The execution can be resumed.",
  },
  {
    action: "force-cancel", name: "Force-cancel", from: ["started", "cancelling"], isDangerous: true,
    text: "Operations that run are not waited for. What they have done so far stays.",
  },
  {
    action: "kill", name: "Kill", from: ["started", "cancelling", "force_cancelling"], isDangerous: true,
    text: "The processes of all operations that run are ended at once. What they have done so far stays.",
  },
  {
    action: "resume", name: "Resume", from: ["failed", "cancelled"], isDangerous: false,
    text: "Goes on where the execution ended: operations that have succeeded are not repeated.",
  },
  {
    action: "force-resume", name: "Force-resume", from: ["failed", "cancelled"], isDangerous: true,
    text: "Goes on where the execution ended, and repeats operations that were interrupted too, even if they may not be.",
  },
];

/** Return buttons for what is possible in the state of an execution; `onChange(execution)` is called after one. */
export function executionActions(execution, onChange = () => {}) {
  if (!may("execution_cancel")) return [];
  const what = execution.deployment_id ? `${execution.workflow_id} on ${execution.deployment_display_name || execution.deployment_id}` : execution.workflow_id;
  return ACTIONS.filter(({ from }) => from.includes(execution.status)).map(({ action, name, text, isDangerous }) =>
    button(`${name}…`, () => confirm({
      title: `${name} ${what}?`, text, submit: `${name} the execution`, isDangerous,
      onSubmit: async () => onChange(await post(["executions", execution.id], { action })),
    }), { class: isDangerous ? "danger" : "" }));
}
