// The layers of boxes in a layout, from top to bottom.

const MIN_GRID = 5; // number of boxes without lines that are arranged as a grid
const MIN_ROW = 8; // number of boxes that a layer may always have

/** Add a value to the list that a map has for a key. */
export function addTo(map, key, value) {
  if (map.has(key)) map.get(key).push(value);
  else map.set(key, [value]);
}

/** Put each box below all boxes with lines to it, and boxes without such lines as low as possible. */
export function assignLayers(sizes, lines) {
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
    addTo(rows, layer, key);
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
