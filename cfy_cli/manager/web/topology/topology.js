// The topology of a deployment as a picture with the live states of its node instances.

import { arrowHead, drawArrow, drawBox, drawCell, drawMore, placeCells } from "./boxes.js";
import { chooseCells, groupByNode, makeArrows, makeBoxes } from "./diagram.js";
import { element, picture } from "../dom.js";
import { buildScene } from "./scene.js";
import { describeState } from "../states.js";
import { zoomedView } from "./zoom.js";

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Make the picture. `onSelect(instance)` is called when a node instance is chosen.
 * Returns {element, update}; `update(instances, isRunning)` shows new states and keeps focus and position.
 */
export function topology({ nodes, instances, isRunning = false, onSelect = () => {} }) {
  return new Topology(nodes, instances, isRunning, onSelect).open();
}

class Topology {
  constructor(nodes, instances, isRunning, onSelect) {
    Object.assign(this, { nodes, instances, isRunning, onSelect });
    this.expanded = new Map();
    this.active = null; // the key of the box or cell that the keyboard is at
    this.picture = picture("svg", { role: "group", "aria-label": "Nodes of the deployment" });
    this.zoomed = zoomedView(this.picture, "Topology");
    const help = "Arrow keys move, plus and minus zoom, Enter lists the instances of a node or opens one.";
    this.element = element("div", { class: "topology" }, this.zoomed.tools, this.zoomed.view, element("p", { class: "hint" }, help));
  }

  open() {
    this.draw();
    this.picture.addEventListener("click", (event) => this.choose(event.target.closest("[data-key]")));
    const { view } = this.zoomed;
    view.addEventListener("focusin", (event) => this.activate(event.target.closest("[data-key]"))); // the picture itself would get a tab stop
    view.addEventListener("keydown", (event) => this.press(event));
    return { element: this.element, update: (instances, isRunning) => this.update(instances, isRunning) };
  }

  draw() {
    this.groups = groupByNode(this.nodes, this.instances);
    this.byId = indexById(this.instances);
    const boxes = makeBoxes(this.groups, this.expanded);
    this.scene = buildScene(boxes, makeArrows(this.groups, boxes));
    this.items = new Map(); // keys to {group, redraw, x, y}: what the keyboard walks over and updates replace
    const texts = [];
    for (const rectangle of this.scene.rectangles) {
      const instancesOf = () => this.groups.get(rectangle.box.id).instances;
      this.addItem(`node ${rectangle.box.id}`, rectangle, () => drawBox(rectangle, instancesOf(), this.isRunning));
      for (const cell of placeCells(rectangle)) {
        this.addItem(`instance ${cell.instance.id}`, cell, () => {
          const instance = this.byId.get(cell.instance.id);
          return drawCell({ ...cell, instance }, this.isRunning);
        });
      }
      texts.push(drawMore(rectangle, instancesOf().length));
    }
    const arrows = this.scene.paths.filter(({ points }) => points.length > 1).map(drawArrow);
    const drawn = [...this.items.values()].map(({ group }) => group);
    this.picture.replaceChildren(arrowHead(), ...arrows, ...drawn, ...texts.filter(Boolean));
    this.zoomed.resize(this.scene.width, this.scene.height);
    this.structure = structureOf(this.instances);
    this.setTabStop();
  }

  addItem(key, { x, y }, redraw) {
    this.items.set(key, { group: redraw(), redraw, x, y });
  }

  update(instances, isRunning = this.isRunning) {
    const changed = new Set();
    for (const instance of instances) {
      const before = this.byId.get(instance.id);
      if (before && isShownAlike(before, this.isRunning, instance, isRunning)) continue;
      changed.add(`node ${instance.node_id}`).add(`instance ${instance.id}`);
    }
    const isSameStructure = structureOf(instances) === this.structure;
    Object.assign(this, { instances, isRunning, byId: indexById(instances), groups: groupByNode(this.nodes, instances) });
    if (isSameStructure) for (const key of changed) this.replaceItem(key);
    else this.redrawAll();
  }

  replaceItem(key) {
    const item = this.items.get(key);
    if (!item) return;
    const isFocused = item.group === document.activeElement;
    const before = item.group;
    item.group = item.redraw();
    before.replaceWith(item.group);
    if (key === this.active) item.group.setAttribute("tabindex", "0");
    if (isFocused) item.group.focus({ preventScroll: true });
  }

  redrawAll() {
    const hadFocus = this.picture.contains(document.activeElement);
    for (const id of this.expanded.keys()) {
      const { instances } = this.groups.get(id) ?? { instances: [] };
      if (instances.length > 1) this.expanded.set(id, chooseCells(instances, this.isRunning));
      else this.expanded.delete(id);
    }
    this.draw();
    if (hadFocus) this.items.get(this.active)?.group.focus({ preventScroll: true });
  }

  choose(group) {
    if (!group) return;
    this.activate(group);
    const [, kind, id] = group.dataset.key.match(/^(\w+) (.*)$/s);
    if (kind === "instance") return this.onSelect(this.byId.get(id));
    const { instances } = this.groups.get(id);
    if (instances.length === 1) return this.onSelect(instances[0]);
    if (this.expanded.has(id)) this.expanded.delete(id);
    else if (instances.length) this.expanded.set(id, chooseCells(instances, this.isRunning));
    this.draw();
    this.items.get(this.active)?.group.focus();
  }

  activate(group) {
    if (!group || group.dataset.key === this.active) return;
    this.items.get(this.active)?.group.setAttribute("tabindex", "-1");
    this.active = group.dataset.key;
    group.setAttribute("tabindex", "0");
  }

  setTabStop() {
    if (!this.items.has(this.active)) {
      const [first] = [...this.items].sort(([, one], [, other]) => one.y - other.y || one.x - other.x);
      this.active = first?.[0] ?? null;
    }
    this.items.get(this.active)?.group.setAttribute("tabindex", "0");
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const group = event.target.closest("[data-key]");
    if (this.zoomed.press(event.key)) event.preventDefault();
    if (!group) return;
    if (event.key === "Enter" || event.key === " ") this.choose(group);
    else if (DIRECTIONS[event.key]) this.moveFocus(group, DIRECTIONS[event.key]);
    else return;
    event.preventDefault();
  }

  /** Move the focus to the nearest box or cell in a direction. */
  moveFocus(group, [dx, dy]) {
    const from = this.items.get(group.dataset.key);
    let [best, bestCost] = [null, Infinity];
    for (const item of this.items.values()) {
      const [x, y] = [item.x - from.x, item.y - from.y];
      const along = x * dx + y * dy;
      const cost = along + 2 * Math.abs(x * dy + y * dx);
      if (along > 1 && cost < bestCost) [best, bestCost] = [item, cost];
    }
    best?.group.focus();
    best?.group.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

const indexById = (instances) => new Map(instances.map((each) => [each.id, each]));

const structureOf = (instances) => instances.map((each) => each.id).sort().join(" ");

function isShownAlike(one, isOneRunning, other, isOtherRunning) {
  const [before, after] = [describeState(one, isOneRunning), describeState(other, isOtherRunning)];
  return before.kind === after.kind && before.word === after.word;
}
