// Layered layout of boxes, with lines between them that cross no box (after Sugiyama).
// A line that passes a layer gets a slot of its own in it, like a narrow box; lines to the same box share it.

const BOX_GAP = 28; // pixels between neighbours in a layer
const LAYER_GAP = 44; // pixels between layers, where lines bend
const LINE_WIDTH = 12; // pixels of the slot of passing lines
const SWEEPS = 8; // passes over the layers, alternately down and up
const MIN_GRID = 5; // number of boxes without lines that are arranged as a grid
const MIN_ROW = 8; // number of boxes that a layer may always have

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

function assignLayers(sizes, lines) {
  const below = new Map([...sizes.keys()].map((key) => [key, []]));
  const above = new Map([...sizes.keys()].map((key) => [key, []]));
  const connected = new Set();
  for (const { upper, lower } of lines) {
    for (const key of [upper, lower]) if (key !== null) connected.add(key);
    if (upper === null || lower === null) continue;
    below.get(upper).push(lower);
    above.get(lower).push(upper);
  }
  const layers = new Map();
  const remaining = new Map([...above].map(([key, keys]) => [key, keys.length])); // boxes above without a layer yet
  const pending = [...sizes.keys()].filter((key) => !remaining.get(key));
  while (pending.length) {
    const key = pending.pop();
    layers.set(key, Math.max(-1, ...above.get(key).map((upper) => layers.get(upper))) + 1);
    for (const lower of below.get(key)) {
      remaining.set(lower, remaining.get(lower) - 1);
      if (!remaining.get(lower)) pending.push(lower);
    }
  }
  for (const key of sizes.keys()) {
    if (below.get(key).length && !above.get(key).length) {
      layers.set(key, Math.min(...below.get(key).map((lower) => layers.get(lower))) - 1);
    }
  }
  return splitWideLayers(sizes, layers, connected);
}

/** Spread the boxes of a wide layer over several ones, and boxes without lines over a grid below the others. */
function splitWideLayers(sizes, layers, connected) {
  const isGrid = sizes.size - connected.size >= MIN_GRID;
  const rows = new Map();
  for (const key of sizes.keys()) {
    const layer = isGrid && !connected.has(key) ? Infinity : layers.get(key);
    rows.set(layer, [...(rows.get(layer) ?? []), key]);
  }
  const split = new Map();
  let next = 0;
  for (const layer of [...rows.keys()].sort((one, other) => one - other)) {
    const row = rows.get(layer);
    const columns = Math.ceil(Math.sqrt(row.length) * 1.2);
    const limit = layer === Infinity ? columns : Math.max(MIN_ROW, columns);
    row.forEach((key, position) => split.set(key, next + Math.floor(position / limit)));
    next += Math.ceil(row.length / limit);
  }
  return new Map([...sizes.keys()].map((key) => [key, split.get(key)]));
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
    for (let layer = first; layer < last; layer += 1) {
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
  const tops = heights.map((_, layer) => heights.slice(0, layer).reduce((sum, each) => sum + each + LAYER_GAP, 0));
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
  for (const line of lines) if (line[side] !== null) linesOf.set(line[side], [...(linesOf.get(line[side]) ?? []), line]);
  const positions = new Map();
  for (const [key, own] of linesOf) {
    const slot = slots.get(key);
    const next = new Map(own.map(({ id }) => [id, chains.get(id).at(side === "upper" ? 1 : -2)]));
    const groups = [...new Set(next.values())].sort((one, other) => (one?.x ?? 0) - (other?.x ?? 0));
    for (const { id } of own) {
      const fixed = ends.get(`${key} ${id}`);
      const spread = slot.width * 0.7 * ((groups.indexOf(next.get(id)) + 1) / (groups.length + 1) - 0.5);
      positions.set(id, fixed === undefined ? slot.x + spread : slot.x - slot.width / 2 + fixed);
    }
  }
  return positions;
}
