// What a user may do with an execution, or with all executions of a group: cancel, force-cancel, kill, resume.

import { post } from "../api.js";
import { confirm } from "./dialog.js";
import { button } from "../parts.js";
import { may } from "../session.js";

const WAITING = ["pending", "scheduled", "queued"];
const RESUMING = ["resume", "force-resume"];
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
  return actionsIn(ACTIONS, execution.status, what, "the execution", (action) => post(["executions", execution.id], { action }), onChange);
}

/** Return the same buttons for all executions of an execution group; what has ended is left alone by those that cancel. */
export function executionGroupActions(group, onChange = () => {}) {
  if (!may("execution_group_cancel")) return [];
  const what = `${group.workflow_id} on group ${group.deployment_group_id}`;
  const allowed = ACTIONS.filter(({ action }) => may("execution_start") || !RESUMING.includes(action));
  return actionsIn(allowed, group.status, what, "the executions", (action) => post(["execution-groups", group.id], { action }), onChange);
}

function actionsIn(actions, status, what, object, send, onChange) {
  return actions.filter(({ from }) => from.includes(status)).map(({ action, name, text, isDangerous }) =>
    button(`${name}…`, () => confirm({
      title: `${name} ${what}?`, text, submit: `${name} ${object}`, isDangerous,
      onSubmit: async () => onChange(await send(action)),
    }), { class: isDangerous ? "danger" : "" }));
}
