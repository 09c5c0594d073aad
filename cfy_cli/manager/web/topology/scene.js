// Positions of the boxes and arrows of a topology; each container is laid out in layers of its own.

import { addTo } from "./layering.js";
import { layOut } from "./layers.js";

export const PADDING = 18; // pixels

/**
 * Build the scene.
 * `boxes`: Map of ids to {id, parent, width, height}, the size being that of the texts of the box;
 * `arrows`: [{source, target}]. Returns {width, height, rectangles, paths}: containers come before their contents.
 */
export function buildScene(boxes, arrows) {
  const children = new Map();
  for (const box of boxes.values()) addTo(children, box.parent, box.id);
  const { lines, routes, upward } = routeArrows(boxes, arrows);
  const scene = { boxes, children, lines, layouts: new Map(), sizes: new Map(), corners: new Map([[null, [0, 0]]]) };
  measure(scene, null);
  const rectangles = [];
  placeChildren(scene, null, rectangles);
  const paths = arrows.map((arrow, number) => {
    const path = routes[number].flatMap((box) => pointsIn(scene, box, number));
    return { arrow, points: upward.has(number) ? path.reverse() : path };
  });
  const [width, height] = scene.sizes.get(null);
  return { width, height, rectangles, paths };
}

function ancestorsOf(boxes, id) {
  const ancestors = [id];
  while (ancestors.at(-1) !== null) ancestors.push(boxes.get(ancestors.at(-1)).parent);
  return ancestors;
}

/** Find the containers that each arrow crosses. Arrows that would close a cycle are drawn upwards. */
function routeArrows(boxes, arrows) {
  const lines = new Map();
  const below = new Map();
  const upward = new Set();
  const add = (box, line) => addTo(lines, box, line);
  const routes = arrows.map((arrow, number) => {
    const [source, target] = [ancestorsOf(boxes, arrow.source), ancestorsOf(boxes, arrow.target)];
    const shared = source.find((box) => target.includes(box));
    let upper = source.slice(0, source.indexOf(shared));
    let lower = target.slice(0, target.indexOf(shared));
    if (upper.length && lower.length) {
      if (isReachable(below, lower.at(-1), upper.at(-1))) {
        upward.add(number);
        [upper, lower] = [lower, upper];
      }
      below.set(upper.at(-1), (below.get(upper.at(-1)) ?? new Set()).add(lower.at(-1)));
    }
    upper.slice(1).forEach((box, i) => add(box, { id: number, upper: upper[i], lower: null }));
    add(shared, { id: number, upper: upper.at(-1) ?? null, lower: lower.at(-1) ?? null });
    lower.slice(1).forEach((box, i) => add(box, { id: number, upper: null, lower: lower[i] }));
    return [...upper.slice(1), shared, ...lower.slice(1).reverse()];
  });
  return { lines, routes, upward };
}

function isReachable(below, start, end) {
  const seen = new Set([start]);
  for (const current of seen) { // a set may grow while it is walked
    if (current === end) return true;
    for (const next of below.get(current) ?? []) seen.add(next);
  }
  return false;
}

/** Lay out the children first: they determine the size. */
function measure(scene, id) {
  const children = scene.children.get(id);
  const head = id === null ? { width: 0, height: 0 } : scene.boxes.get(id);
  if (!children) {
    scene.sizes.set(id, [head.width + PADDING, head.height + PADDING * 0.8]);
    return;
  }
  for (const child of children) measure(scene, child);
  const lines = scene.lines.get(id) ?? [];
  const ends = new Map();
  for (const line of lines) {
    for (const end of [line.upper, line.lower]) {
      if (end !== null && scene.children.has(end)) ends.set(`${end} ${line.id}`, portOf(scene, end, line.id, end === line.lower));
    }
  }
  const sizes = new Map(children.map((child) => [child, scene.sizes.get(child)]));
  const layout = layOut(sizes, lines, ends, head.width);
  scene.layouts.set(id, layout);
  scene.sizes.set(id, [layout.width + 2 * PADDING, layout.height + head.height + 2 * PADDING]);
}

/** Return where an arrow crosses the border of a container, from its left. */
function portOf(scene, id, number, isUpper) {
  const path = scene.layouts.get(id).paths.get(number);
  if (!path) return scene.sizes.get(id)[0] / 2; // the arrow ends at the container itself
  return PADDING + path.at(isUpper ? 0 : -1)[0];
}

function placeChildren(scene, id, rectangles) {
  const layout = scene.layouts.get(id);
  if (!layout) return;
  const [left, top] = originOf(scene, id);
  for (const child of scene.children.get(id)) {
    const [x, y] = layout.corners.get(child);
    const [width, height] = scene.sizes.get(child);
    scene.corners.set(child, [left + x, top + y]);
    rectangles.push({ box: scene.boxes.get(child), x: left + x, y: top + y, width, height, isContainer: scene.layouts.has(child) });
    placeChildren(scene, child, rectangles);
  }
}

/** Return the upper left corner of the inside of a container. */
function originOf(scene, id) {
  const [x, y] = scene.corners.get(id);
  return [x + PADDING, y + PADDING + (id === null ? 0 : scene.boxes.get(id).height)];
}

/** Return the path of an arrow inside a container, extended to the border that it crosses. */
function pointsIn(scene, id, number) {
  const [left, top] = originOf(scene, id);
  const points = scene.layouts.get(id)?.paths.get(number)?.map(([x, y]) => [left + x, top + y]) ?? [];
  if (id === null || !points.length) return points;
  const line = scene.lines.get(id).find((each) => each.id === number);
  const upper = scene.corners.get(id)[1];
  const before = line.upper === null ? [[points[0][0], upper]] : [];
  const after = line.lower === null ? [[points.at(-1)[0], upper + scene.sizes.get(id)[1]]] : [];
  return [...before, ...points, ...after];
}
