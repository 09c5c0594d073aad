// The boxes, cells and arrows of a topology as SVG elements.

import { CELL, LINE_HEIGHT, describeCell, summarize } from "./diagram.js";
import { picture } from "../dom.js";
import { markOf } from "../states.js";
import { FONTS, fitText } from "./text_width.js";

const MARGIN = 10; // pixels between the border of a box and its texts
const BAR_HEIGHT = 6; // pixels

export function arrowHead() {
  const path = picture("path", { d: "M0,0 L8,4 L0,8 z", class: "arrow-head" });
  const size = { viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" };
  return picture("defs", {}, picture("marker", { id: "arrow-head", ...size }, path));
}

/** Draw an arrow through points, with curves where it changes its column. */
export function drawArrow({ arrow, points }) {
  let [x, y] = points[0];
  const steps = [`M${x.toFixed(1)},${y.toFixed(1)}`];
  for (const [nextX, nextY] of points.slice(1)) {
    if (nextX === x && nextY === y) continue; // the head of an arrow has the direction of the last step
    const half = ((y + nextY) / 2).toFixed(1);
    const end = `${nextX.toFixed(1)},${nextY.toFixed(1)}`;
    const isStraight = Math.abs(nextX - x) < 0.1;
    steps.push(isStraight ? `L${end}` : `C${x.toFixed(1)},${half} ${nextX.toFixed(1)},${half} ${end}`);
    [x, y] = [nextX, nextY];
  }
  const title = picture("title", {}, `${arrow.source} ${arrow.word} ${arrow.target}`);
  const kind = arrow.isConnection ? "arrow" : "arrow dependency";
  return picture("path", { class: kind, d: steps.join(" "), "marker-end": "url(#arrow-head)" }, title);
}

/** Draw the box of a node: a button that lists its instances, or opens the only one. */
export function drawBox(rectangle, instances, isRunning) {
  const { box, x, y, width, height, isContainer } = rectangle;
  const { kind, text, words, counts } = summarize(instances, isRunning);
  const isCounted = instances.length > 1;
  const label = [box.id, box.type, words].filter(Boolean).join(", ");
  const inside = width - 2 * MARGIN;
  const children = [
    picture("title", {}, label),
    picture("rect", { class: "frame", x, y, width, height, rx: 8 }),
    picture("text", { class: "mark", x: x + MARGIN, y: y + LINE_HEIGHT + 3 }, markOf(kind)),
    picture("text", { class: "name", x: x + MARGIN + 18, y: y + LINE_HEIGHT + 3 }, box.title),
    picture("text", { class: "type", x: x + MARGIN, y: y + LINE_HEIGHT * 2 + 2 }, box.type),
    picture("text", { class: "state", x: x + MARGIN, y: y + LINE_HEIGHT * 3 + 2 }, fitText(text, inside, FONTS.state)),
    ...(isCounted ? drawBar(counts, instances.length, x + MARGIN, y + LINE_HEIGHT * 3 + 9, inside) : []),
  ];
  return picture("g", {
    class: `box ${isContainer ? "container " : ""}kind-${kind}`,
    role: "button",
    tabindex: -1,
    "data-key": `node ${box.id}`,
    "aria-label": label,
    "aria-expanded": isCounted ? String(Boolean(box.cells)) : null,
  }, ...children);
}

function drawBar(counts, total, x, y, width) {
  let left = x;
  return counts.map(({ kind, count }) => {
    const length = (width * count) / total;
    const part = picture("rect", { class: `part kind-${kind}`, x: left, y, width: Math.max(1, length - 1), height: BAR_HEIGHT });
    left += length;
    return part;
  });
}

/** Return where the cells of an expanded box are: [{instance, x, y}]. */
export function placeCells({ box, x, y }) {
  const top = y + LINE_HEIGHT * 3 + 22;
  return (box.cells ?? []).map((instance, position) => ({
    instance,
    x: x + MARGIN + (position % box.columns) * (CELL.width + CELL.gap),
    y: top + Math.floor(position / box.columns) * (CELL.height + CELL.gap),
  }));
}

export function drawCell({ instance, x, y }, isRunning) {
  const { name, kind, word } = describeCell(instance, isRunning);
  const label = `${instance.id}: ${word}`;
  const text = fitText(`${name} ${word}`, CELL.width - 32, FONTS.state);
  return picture("g", { class: `cell kind-${kind}`, role: "button", tabindex: -1, "data-key": `instance ${instance.id}`, "aria-label": label },
    picture("title", {}, label),
    picture("rect", { class: "frame", x, y, width: CELL.width, height: CELL.height, rx: 5 }),
    picture("text", { class: "mark", x: x + 8, y: y + 18.5 }, markOf(kind)),
    picture("text", { class: "state", x: x + 25, y: y + 18.5 }, text));
}

/** Say how many instances an expanded box does not list. */
export function drawMore({ box, x, y }, count) {
  const hidden = count - (box.cells?.length ?? count);
  if (!hidden) return null;
  const rows = Math.ceil(box.cells.length / box.columns);
  const top = y + LINE_HEIGHT * 3 + 22 + rows * (CELL.height + CELL.gap) + 9;
  return picture("text", { class: "type", x: x + MARGIN, y: top }, `and ${hidden} more, which the table lists`);
}
