// Layered layout of boxes, with lines between them that cross no box (after Sugiyama).
// A line that passes a layer gets a slot of its own in it, like a narrow box; lines to the same box share it.
// Of very many lines none gets a slot: the boxes are drawn over them.

import { addTo, assignLayers } from "./layering.js";

const BOX_GAP = 28; // pixels between neighbours in a layer
const LAYER_GAP = 44; // pixels between layers, where lines bend
const LINE_WIDTH = 12; // pixels of the slot of passing lines
const SWEEPS = 8; // passes over the layers, alternately down and up
const MAX_ROUTED = 150; // lines in a layout; where there are more, they pass below boxes

/**
 * Lay out boxes.
 * `sizes`: Map of a key to [width, height]; `lines`: [{id, upper, lower}] where null is the border of the layout;
 * `ends`: Map of `key line-id` to a fixed position of the end of a line, from the left of its box.
 * Returns {width, height, corners: Map, paths: Map of line ids to points from top to bottom}.
 */
export function layOut(sizes, lines, ends, minWidth = 0) {
  const layerOf = assignLayers(sizes, lines);
  const count = Math.max(0, ...layerOf.values()) + 1;
  const layers = Array.from({ length: count }, () => []);
  const slots = new Map();
  for (const [key, layer] of layerOf) slots.set(key, addSlot(layers, key, sizes.get(key)[0], layer));
  const chains = buildChains(lines, slots, layers);
  orderSlots(layers);
  alignSlots(layers);
  const all = layers.flat();
  const left = Math.min(...all.map((slot) => slot.x - slot.width / 2));
  const right = Math.max(...all.map((slot) => slot.x + slot.width / 2));
  const width = Math.max(right - left, minWidth);
  for (const slot of all) slot.x += (width - (right - left)) / 2 - left;
  return place(sizes, lines, ends, layers, slots, chains, width);
}

function addSlot(layers, key, width, layer) {
  const slot = { key, width, layer, x: 0, above: [], below: [], index: layers[layer].length };
  layers[layer].push(slot);
  return slot;
}

function buildChains(lines, slots, layers) {
  const shared = new Map();
  const chains = new Map();
  for (const { id, upper, lower } of lines) {
    const first = upper === null ? 0 : slots.get(upper).layer + 1;
    const last = lower === null ? layers.length : slots.get(lower).layer;
    const chain = upper === null ? [] : [slots.get(upper)];
    for (let layer = first; layer < last && lines.length <= MAX_ROUTED; layer += 1) {
      const key = lower === null ? `line ${id} ${layer}` : `box ${layer} ${lower}`;
      if (!shared.has(key)) shared.set(key, addSlot(layers, null, LINE_WIDTH, layer));
      chain.push(shared.get(key));
    }
    if (lower !== null) chain.push(slots.get(lower));
    for (let i = 1; i < chain.length; i += 1) {
      chain[i - 1].below.push(chain[i]);
      chain[i].above.push(chain[i - 1]);
    }
    chains.set(id, chain);
  }
  return chains;
}

const mean = (numbers) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

function forSweeps(layers, act) {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? layers : [...layers].reverse()) act(row, isDown);
  }
}

/** Sort each layer by the mean position of the linked slots in the layer above or below. */
function orderSlots(layers) {
  forSweeps(layers, (row, isDown) => {
    for (const slot of row) {
      const linked = isDown ? slot.above : slot.below;
      slot.rank = linked.length ? mean(linked.map((other) => other.index)) : slot.index;
    }
    row.sort((one, other) => one.rank - other.rank);
    row.forEach((slot, index) => { slot.index = index; });
  });
}

/** Move each slot as close to the mean x of its linked slots as its neighbours allow. */
function alignSlots(layers) {
  for (const row of layers) move(row, row.map(() => 0));
  forSweeps(layers, (row, isDown) => {
    move(row, row.map((slot) => {
      const linked = [isDown ? slot.above : slot.below, slot.above, slot.below].find((each) => each.length);
      return linked ? mean(linked.map((other) => other.x)) : slot.x;
    }));
  });
}

function move(row, targets) {
  const rightwards = [...targets];
  const leftwards = [...targets];
  for (let i = 1; i < row.length; i += 1) {
    rightwards[i] = Math.max(targets[i], rightwards[i - 1] + distance(row[i - 1], row[i]));
  }
  for (let i = row.length - 2; i >= 0; i -= 1) {
    leftwards[i] = Math.min(targets[i], leftwards[i + 1] - distance(row[i], row[i + 1]));
  }
  row.forEach((slot, i) => { slot.x = (rightwards[i] + leftwards[i]) / 2; });
}

function distance(one, other) {
  return (one.width + other.width) / 2 + (one.key === null && other.key === null ? LINE_WIDTH : BOX_GAP);
}

function place(sizes, lines, ends, layers, slots, chains, width) {
  const heights = layers.map((row) => Math.max(0, ...row.map((slot) => (slot.key === null ? 0 : sizes.get(slot.key)[1]))));
  let height = -LAYER_GAP;
  const tops = heights.map((each) => (height += each + LAYER_GAP) - each);
  const bottoms = tops.map((top, layer) => top + heights[layer]);
  const starts = spreadEnds(lines, ends, slots, chains, "upper");
  const stops = spreadEnds(lines, ends, slots, chains, "lower");
  const corners = new Map([...slots].map(([key, slot]) => [key, [slot.x - slot.width / 2, tops[slot.layer]]]));
  const paths = new Map();
  for (const { id, upper, lower } of lines) {
    const path = [];
    for (const slot of chains.get(id)) {
      const [top, bottom] = [tops[slot.layer], bottoms[slot.layer]];
      if (slot.key === null) path.push([slot.x, top], [slot.x, bottom]);
      else if (slot.key === upper) path.push([starts.get(id), top + sizes.get(upper)[1]], [starts.get(id), bottom]);
      else path.push([stops.get(id), top]);
    }
    if (upper === null) path.unshift([path[0][0], 0]);
    if (lower === null) path.push([path.at(-1)[0], bottoms.at(-1)]);
    paths.set(id, path);
  }
  return { width, height: bottoms.at(-1), corners, paths };
}

/** Return the x of the upper (or lower) ends of the lines, spread over the borders of their boxes. */
function spreadEnds(lines, ends, slots, chains, side) {
  const linesOf = new Map();
  for (const line of lines) if (line[side] !== null) addTo(linesOf, line[side], line);
  const positions = new Map();
  for (const [key, own] of linesOf) {
    const slot = slots.get(key);
    const next = new Map(own.map(({ id }) => [id, chains.get(id).at(side === "upper" ? 1 : -2)]));
    const sorted = [...new Set(next.values())].sort((one, other) => (one?.x ?? 0) - (other?.x ?? 0));
    const rankOf = new Map(sorted.map((each, index) => [each, index + 1]));
    for (const { id } of own) {
      const fixed = ends.get(`${key} ${id}`);
      const spread = slot.width * 0.7 * (rankOf.get(next.get(id)) / (sorted.length + 1) - 0.5);
      positions.set(id, fixed === undefined ? slot.x + spread : slot.x - slot.width / 2 + fixed);
    }
  }
  return positions;
}
