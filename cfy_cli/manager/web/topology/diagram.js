// The boxes and arrows of a topology: a box for each node, with its instances counted or listed in it.

import { byUrgency, countStates, describeState, wordsOf } from "../states.js";
import { FONTS, fitText, measureText } from "./text_width.js";

export const CELL = { width: 168, height: 28, gap: 6 }; // of an instance in an expanded node, in pixels
export const LINE_HEIGHT = 18; // pixels
export const MAX_CELLS = 36; // instances that an expanded node shows
const MAX_TITLE_WIDTH = 230; // pixels
const MIN_WIDTH = 142; // pixels
const MIN_COUNTED_WIDTH = 190; // pixels, of a node with several instances
const CONTAINED_IN = "cloudify.relationships.contained_in";
const CONNECTED_TO = "cloudify.relationships.connected_to";


export const shortType = (type) => String(type ?? "").split(".").at(-1);

/** Group instances by their nodes; nodes that only instances name come too. */
export function groupByNode(nodes, instances) {
  const groups = new Map(nodes.map((node) => [node.id, { node, instances: [] }]));
  for (const instance of instances) {
    const id = instance.node_id;
    if (!groups.has(id)) groups.set(id, { node: { id, type: "", relationships: [] }, instances: [] });
    groups.get(id).instances.push(instance);
  }
  return groups;
}

/** Return the boxes of all nodes, sized for their texts. `expanded` maps ids of nodes to the instances to list. */
export function makeBoxes(groups, expanded) {
  const parents = new Map([...groups.values()].map(({ node }) => [node.id, parentOf(node, groups)]));
  const boxes = new Map();
  for (const [id, { node, instances }] of groups) {
    const count = instances.length > 1 ? ` ×${instances.length}` : "";
    const title = fitText(id, MAX_TITLE_WIDTH, FONTS.name) + count;
    const type = fitText(shortType(node.type), MAX_TITLE_WIDTH, FONTS.type);
    const textWidth = Math.max(measureText(title, FONTS.name) + 22, measureText(type, FONTS.type));
    const cells = expanded.get(id);
    const columns = cells ? Math.min(cells.length, Math.max(2, Math.ceil(Math.sqrt(cells.length / 2)))) : 0;
    const rows = cells ? Math.ceil(cells.length / columns) : 0;
    const more = cells && instances.length > cells.length ? LINE_HEIGHT : 0;
    boxes.set(id, {
      id, title, type, cells, columns,
      parent: isCyclic(parents, id) ? null : parents.get(id),
      width: Math.max(textWidth, count ? MIN_COUNTED_WIDTH : MIN_WIDTH, columns * (CELL.width + CELL.gap)),
      height: LINE_HEIGHT * 3 + (count ? 12 : 0) + rows * (CELL.height + CELL.gap) + more,
    });
  }
  return boxes;
}

function isOfType(relationship, type) {
  return relationship.type === type || (relationship.type_hierarchy ?? []).includes(type);
}

function parentOf(node, groups) {
  const parent = (node.relationships ?? []).find((each) => isOfType(each, CONTAINED_IN));
  return parent && groups.has(parent.target_id) ? parent.target_id : null;
}

function isCyclic(parents, id) {
  const seen = new Set();
  for (let current = id; current; current = parents.get(current) ?? null) {
    if (seen.has(current)) return true;
    seen.add(current);
  }
  return false;
}

/** Return the relationships other than containment, each pair of nodes once: [{source, target, isConnection, word}]. */
export function makeArrows(groups, boxes) {
  const arrows = new Map();
  for (const { node } of groups.values()) {
    for (const relationship of node.relationships ?? []) {
      const target = relationship.target_id;
      if (!groups.has(target)) continue;
      if (isOfType(relationship, CONTAINED_IN) && boxes.get(node.id).parent === target) continue;
      const isConnection = isOfType(relationship, CONNECTED_TO);
      const word = shortType(relationship.type).replaceAll("_", " ");
      arrows.set(`${node.id} ${target} ${word}`, { source: node.id, target, isConnection, word });
    }
  }
  return [...arrows.values()];
}

/** Return what a box says of its instances: the worst kind, a short text, and all in words. */
export function summarize(instances, isRunning) {
  if (!instances.length) return { kind: "waiting", text: "no instances", words: "no instances", counts: [] };
  const counts = countStates(instances, isRunning);
  const [{ kind, word }] = counts;
  const words = instances.length === 1 ? word : `${instances.length} instances: ${wordsOf(counts)}`;
  return { kind, text: instances.length === 1 ? word : wordsOf(counts), words, counts };
}

export const chooseCells = (instances, isRunning) => byUrgency(instances, isRunning).slice(0, MAX_CELLS);

/** Return what a cell says of an instance: the part of its id that tells it from others, and its state. */
export function describeCell(instance, isRunning) {
  const prefix = `${instance.node_id}_`;
  const name = instance.id.startsWith(prefix) ? instance.id.slice(prefix.length) : instance.id;
  return { name, ...describeState(instance, isRunning) };
}
