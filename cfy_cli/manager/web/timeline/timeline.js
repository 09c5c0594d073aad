// The timeline of an execution: a row for each attempt at an operation, grouped by node instance.

import { formatDuration, groupAttempts } from "./attempts.js";
import { element } from "../dom.js";
import { windowedRows } from "./rows.js";

const MARKS = { failed: "✕", running: "↻", rescheduled: "⟳", interrupted: "‖", succeeded: "✓" };
const MAX_OPEN = 200; // attempts of which all groups are open at first
const TICK = 1000; // milliseconds between movements of the line that marks the present
const TICKS = 5; // marks of time on the axis, at most
const isNarrow = () => window.matchMedia("(max-width: 600px)").matches;
const rowHeight = () => (isNarrow() ? 48 : 30);

/**
 * Make the timeline of `attempts`, an `Attempts`. `onOpen(attempt)` is called to show the log of an attempt.
 * Returns {element, update, stop}: `update()` after attempts have been added or ended, `stop()` when nobody looks.
 */
export function timeline({ attempts, onOpen = () => {} }) {
  return new Timeline(attempts, onOpen);
}

class Timeline {
  constructor(attempts, onOpen) {
    Object.assign(this, { attempts, onOpen, rows: [], turned: new Map(), text: "", outcome: "" });
    this.summary = element("p", { class: "timeline-summary", role: "status" });
    this.axis = element("div", { class: "timeline-axis", "aria-hidden": "true" });
    this.empty = element("p", { class: "empty" }, "No operation has run.");
    this.list = windowedRows({
      role: "treegrid", label: "Timeline of operations", rowHeight,
      draw: (index) => this.drawRow(this.rows[index]),
      key: (index) => this.rows[index].group?.place ?? this.rows[index].attempt,
      open: (index) => this.open(this.rows[index]),
      turn: (index, isOpen) => this.turn(this.rows[index], isOpen),
    });
    this.element = element("div", { class: "timeline" }, this.makeTools(), this.summary, this.axis, this.list.element, this.empty);
    this.timer = setInterval(() => this.tick(), TICK);
    this.resized = () => this.update();
    window.addEventListener("resize", this.resized);
    new IntersectionObserver((_, observer) => (this.update(), observer.disconnect())).observe(this.element);
    this.update();
  }

  makeTools() {
    const filter = element("input", { type: "search", placeholder: "Node, instance or operation" });
    filter.addEventListener("input", () => this.filter({ text: filter.value.trim().toLowerCase() }));
    const names = { "": "All", failed: "Failed", running: "Running", rescheduled: "Rescheduled", interrupted: "Interrupted", succeeded: "Succeeded" };
    const options = Object.entries(names).map(([value, name]) => element("option", { value }, name));
    const select = element("select", {}, ...options);
    select.addEventListener("change", () => this.filter({ outcome: select.value }));
    const button = (text, isOpen) => {
      const made = element("button", { type: "button" }, text);
      made.addEventListener("click", () => this.turnAll(isOpen));
      return made;
    };
    return element("div", { class: "timeline-tools" },
      element("label", {}, "Find ", filter), element("label", {}, "Outcome ", select),
      button("Expand all", true), button("Collapse all", false));
  }

  filter(changes) {
    Object.assign(this, changes);
    this.list.element.scrollTop = 0;
    this.update();
  }

  update() {
    const { all } = this.attempts;
    this.isOpenAtFirst = all.length <= MAX_OPEN || Boolean(this.text || this.outcome);
    const shown = all.filter((attempt) => this.isShown(attempt));
    this.rows = groupAttempts(shown).flatMap((group) => {
      const own = this.isOpen(group) ? group.attempts : [];
      return [{ group }, ...own.map((attempt) => ({ attempt }))];
    });
    this.scale();
    this.list.show(this.rows.length);
    this.summary.replaceChildren(this.describe(shown));
    this.empty.hidden = shown.length > 0;
    this.empty.textContent = all.length ? "No operation matches." : "No operation has run.";
    this.list.element.hidden = this.axis.hidden = !shown.length;
  }

  isShown({ place, operation, outcome }) {
    if (this.outcome && outcome !== this.outcome) return false;
    return !this.text || `${place} ${operation}`.toLowerCase().includes(this.text);
  }

  describe(shown) {
    const count = (outcome) => shown.filter((each) => each.outcome === outcome).length;
    const counts = ["failed", "running", "rescheduled", "interrupted"].map((outcome) => [count(outcome), outcome]);
    const parts = counts.filter(([number]) => number).map(([number, outcome]) => `${number} ${outcome}`);
    const total = `${shown.length} ${shown.length === 1 ? "attempt" : "attempts"} at operations`;
    return [total, ...parts, `${formatDuration(this.length)} in all`].join(" · ");
  }

  isOpen(group) {
    return this.turned.get(group.place) ?? (this.isOpenAtFirst || group.outcome !== "succeeded");
  }

  turn(row, isOpen) {
    if (!row?.group || this.isOpen(row.group) === isOpen) return;
    this.turned.set(row.group.place, isOpen);
    this.update();
    this.list.focus(this.rows.findIndex(({ group }) => group?.place === row.group.place));
  }

  turnAll(isOpen) {
    for (const { place } of groupAttempts(this.attempts.all)) this.turned.set(place, isOpen);
    this.update();
  }

  open(row) {
    if (row.group) this.turn(row, !this.isOpen(row.group));
    else this.onOpen(row.attempt);
  }

  isRunning() {
    return this.attempts.all.some((each) => each.end === null);
  }

  scale() {
    this.origin = this.attempts.first ?? 0;
    const last = Math.max(this.attempts.last ?? 0, this.isRunning() ? Date.now() : 0);
    this.length = Math.max(1, last - this.origin);
    const step = niceStep(this.length / TICKS);
    const ticks = [];
    for (let time = 0; time <= this.length; time += step) {
      const tick = element("span", {}, time ? formatDuration(time) : "0");
      tick.style.left = `${(100 * time) / this.length}%`;
      ticks.push(tick);
    }
    this.axis.replaceChildren(element("div", { class: "timeline-ticks" }, ...ticks));
  }

  tick() {
    if (document.hidden || !this.element.isConnected || !this.isRunning()) return;
    this.scale();
    this.list.refresh();
  }

  drawRow({ group, attempt }) {
    const { outcome, start, end } = group ?? attempt;
    const duration = formatDuration((end ?? Date.now()) - start);
    const bar = element("span", { class: `bar outcome-${outcome}` });
    bar.style.left = `${(100 * (start - this.origin)) / this.length}%`;
    bar.style.width = `${(100 * ((end ?? this.origin + this.length) - start)) / this.length}%`;
    const track = element("span", { class: "track", role: "gridcell" }, bar);
    if (end === null) track.append(element("span", { class: "now" }));
    const name = group ? group.place : attempt.name + (attempt.side ? ` (${attempt.side})` : "");
    const words = group ? describeGroup(group) : outcome;
    const row = element("div", { class: `row outcome-${outcome} ${group ? "group" : "attempt"}` },
      element("span", { class: "row-name", role: "gridcell", title: name }, name),
      track,
      element("span", { class: "result", role: "gridcell" }, `${MARKS[outcome]} ${words}, ${duration}`));
    row.setAttribute("aria-level", group ? 1 : 2);
    if (group) row.setAttribute("aria-expanded", this.isOpen(group));
    return row;
  }

  stop() {
    clearInterval(this.timer);
    window.removeEventListener("resize", this.resized);
  }
}

function describeGroup({ attempts, failed, running }) {
  if (failed) return `${failed} of ${attempts.length} failed`;
  if (running) return `${running} of ${attempts.length} running`;
  return attempts.length === 1 ? "1 operation" : `${attempts.length} operations`;
}

/** Return the smallest of 1, 2 and 5 times a power of ten, or a round number of minutes or hours, not below a number. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  const decimal = [1, 2, 5, 10].map((factor) => factor * power);
  const round = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].map((seconds) => seconds * 1000);
  return (least > 10_000 && least <= round.at(-1) ? round : decimal).find((step) => step >= least);
}
