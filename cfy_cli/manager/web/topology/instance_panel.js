// A node instance in a panel: its state, what it is linked with, and what its operations have stored.

import { get } from "../api.js";
import { element, replace } from "../dom.js";
import { openPanel } from "../forms/panel.js";
import { details, problem, value } from "../parts.js";
import { describeState } from "../states.js";
import { mark } from "./topology_table.js";

/** Open the panel of a node instance; its properties are loaded when it is open. */
export async function openInstance(instance, isRunning) {
  const content = element("div", {}, element("p", { class: "hint" }, "Loading…"));
  openPanel(instance.id, content);
  try {
    replace(content, describe(await get(["node-instances", instance.id]), isRunning));
  } catch (error) {
    replace(content, problem(error));
  }
}

function describe(instance, isRunning) {
  const { kind, word } = describeState(instance, isRunning);
  const links = (instance.relationships ?? []).map((each) =>
    element("li", {}, `${String(each.type).split(".").at(-1).replaceAll("_", " ")} ${each.target_id}`));
  const properties = Object.entries(instance.runtime_properties ?? {}).map(([name, each]) => [name, value(each)]);
  return [
    details([
      ["State", mark(kind, word)], ["Node", instance.node_id], ["Host", instance.host_id], ["Index", instance.index],
      ["Scaling groups", (instance.scaling_groups ?? []).map((each) => each.name ?? each.id).join(", ")],
      ["Status check", checkOf(instance.system_properties?.status)],
    ]),
    links.length ? [element("h3", {}, "Relationships"), element("ul", {}, links)] : null,
    element("h3", {}, "Runtime properties"),
    properties.length ? details(properties) : element("p", { class: "hint" }, "Its operations have stored none."),
  ];
}

function checkOf(status) {
  if (!status) return null;
  return status.ok ? "succeeded" : `failed${status.result ? `: ${JSON.stringify(status.result)}` : ""}`;
}
