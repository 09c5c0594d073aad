// The topology as a table: for screen readers, for phones, and for deployments with many instances.

import { groupByNode, shortType, summarize } from "./diagram.js";
import { element, replace } from "../dom.js";
import { button } from "../parts.js";
import { byUrgency, describeState, markOf } from "../states.js";

const PAGE = 100; // instances of a node that are listed at first, and added with each step

/** Make the table; it is used like `topology`. */
export function topologyTable({ nodes, instances, isRunning = false, onSelect = () => {} }) {
  const opened = new Map(); // ids of nodes to the number of their instances to list
  const body = element("tbody");
  const headings = ["Node", "Type", "Instances", "State"].map((text) => element("th", { scope: "col" }, text));
  const table = element("table", { class: "topology-table" },
    element("caption", {}, "Nodes and their instances"), element("thead", {}, element("tr", {}, headings)), body);
  let shown = { instances, isRunning };

  function update(newInstances, isNowRunning = shown.isRunning) {
    shown = { instances: newInstances, isRunning: isNowRunning };
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    replace(body, [...groupByNode(nodes, newInstances).values()].map(drawNode));
    if (focused) [...body.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === focused)?.focus();
  }

  function drawNode({ node, instances: own }) {
    const { kind, text } = summarize(own, shown.isRunning);
    const count = opened.get(node.id) ?? 0;
    const name = own.length > 1
      ? button(`${count ? "▾" : "▸"} ${node.id}`, () => turn(node.id), { class: "link", "aria-expanded": String(count > 0), "data-focus": `node ${node.id}` })
      : own.length ? select(own[0], node.id) : node.id;
    const row = element("tr", { class: "node" }, element("th", { scope: "row" }, name),
      cell("Type", shortType(node.type)), cell("Instances", own.length), cell("State", mark(kind, text)));
    if (!count) return row;
    const listed = byUrgency(own, shown.isRunning).slice(0, count);
    const more = own.length > count ? element("tr", {}, element("td", { colspan: 4 }, button(`Show more of ${own.length}`, () => turn(node.id, count + PAGE), { "data-focus": `more ${node.id}` }))) : null;
    return [row, listed.map(drawInstance), more];
  }

  function drawInstance(instance) {
    const { kind, word } = describeState(instance, shown.isRunning);
    return element("tr", { class: "instance" }, element("th", { scope: "row" }, select(instance, instance.id)),
      cell("Type", ""), cell("Instances", ""), cell("State", mark(kind, word)));
  }

  const select = (instance, text) => button(text, () => onSelect(instance), { class: "link", "data-focus": `instance ${instance.id} ${text}` });

  function turn(id, count = opened.get(id) ? 0 : PAGE) {
    if (count) opened.set(id, count);
    else opened.delete(id);
    update(shown.instances);
  }

  update(instances);
  return { element: table, update };
}

const cell = (heading, content) => element("td", { "data-heading": heading, class: content === "" ? "blank" : null }, content);

/** Show the state of node instances by a mark and words. */
export const mark = (kind, text) => element("span", { class: `kind kind-${kind}` },
  element("span", { class: "mark", "aria-hidden": "true" }, markOf(kind)), text);
