// A list of many rows of the same height, of which only those in view are in the document.

import { element } from "../dom.js";

const OVERSCAN = 8; // rows drawn above and below those in view
const MAX_VIEW_HEIGHT = 560; // pixels

/**
 * Make the list. `draw(index)` returns the row, `key(index)` what it shows, by which the focus
 * follows it when rows come before it; `open(index)` is called for Enter, Space and clicks;
 * `turn(index, isOpen)` for the right and left arrow keys.
 * Returns {element, show, refresh, focus}: `show(count)` when rows came or went, `refresh()` when they look different.
 */
export function windowedRows({ role, label, draw, key, open, turn = () => {}, rowHeight }) {
  const space = element("div", { class: "rows-space", role: "rowgroup" });
  const view = element("div", { class: "rows", role, "aria-label": label, tabindex: "-1" }, space);
  let [count, active, first, last] = [0, 0, 0, 0];
  let activeKey = null;

  function render() {
    const height = rowHeight();
    const hadFocus = space.contains(document.activeElement);
    first = Math.max(0, Math.floor(view.scrollTop / height) - OVERSCAN);
    last = Math.min(count, Math.ceil((view.scrollTop + (view.clientHeight || MAX_VIEW_HEIGHT)) / height) + OVERSCAN);
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(makeRow(index, height));
    const isActiveOutside = count > 0 && (active < first || active >= last);
    if (isActiveOutside && hadFocus) rows.push(makeRow(active, height)); // the focus stays where the keyboard left it
    space.replaceChildren(...rows);
    const current = rows.find((row) => row.dataset.index === String(active)) ?? rows[0];
    current?.setAttribute("tabindex", "0");
    if (hadFocus) current?.focus({ preventScroll: true });
  }

  function makeRow(index, height) {
    const row = draw(index);
    row.dataset.index = index;
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", index + 1);
    row.setAttribute("tabindex", "-1");
    row.style.top = `${index * height}px`;
    row.style.height = `${height}px`;
    return row;
  }

  function show(newCount) {
    count = newCount;
    activate(findActive());
    const height = rowHeight();
    space.style.height = `${count * height}px`;
    view.style.height = `${Math.min(MAX_VIEW_HEIGHT, Math.max(1, count) * height)}px`;
    view.setAttribute("aria-rowcount", count);
    render();
  }

  function activate(index) {
    active = Math.max(0, Math.min(index, count - 1));
    activeKey = count ? key(active) : null;
  }

  function findActive() {
    for (let index = 0; activeKey !== null && index < count; index += 1) if (key(index) === activeKey) return index;
    return active;
  }

  function focus(index) {
    activate(index);
    const height = rowHeight();
    const top = active * height;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + height > view.scrollTop + view.clientHeight) view.scrollTop = top + height - view.clientHeight;
    render();
    space.querySelector(`[data-index="${active}"]`)?.focus({ preventScroll: true });
  }

  /** Open a row; when its dialog closes, the focus returns to it, even if it was drawn again meanwhile. */
  function openRow(index) {
    activate(index);
    open(index);
    const restore = ({ target: dialog }) => {
      const focused = document.activeElement; // in the dialog still, when the row that had the focus is gone
      if (focused === document.body || dialog.contains(focused)) focus(active);
    };
    if (document.querySelector("dialog[open]")) document.addEventListener("close", restore, { capture: true, once: true });
  }

  const rowOf = (event) => event.target.closest("[data-index]");
  view.addEventListener("scroll", render);
  view.addEventListener("click", (event) => {
    const row = rowOf(event);
    if (row) openRow(Number(row.dataset.index));
  });
  view.addEventListener("focusin", (event) => {
    const row = rowOf(event);
    if (row) activate(Number(row.dataset.index));
  });
  view.addEventListener("keydown", (event) => {
    if (!rowOf(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(view.clientHeight / rowHeight()) - 1);
    const act = {
      ArrowDown: () => focus(active + 1), ArrowUp: () => focus(active - 1),
      PageDown: () => focus(active + page), PageUp: () => focus(active - page),
      Home: () => focus(0), End: () => focus(count - 1),
      ArrowRight: () => turn(active, true), ArrowLeft: () => turn(active, false),
      Enter: () => openRow(active), " ": () => openRow(active),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  return { element: view, show, refresh: render, focus };
}
