// A list screen: filters that the address keeps, a page of items that stays up to date, and the way to other pages.

import { changing } from "./changing.js";
import { element } from "./dom.js";
import { live } from "./live.js";
import { button, problem } from "./parts.js";
import { setParameters } from "./router.js";

export const PAGE_SIZE = 25;
const TYPING = 250; // milliseconds after which a search begins
const INTERVAL = 4000;

/**
 * Make a list that lives on a screen. `load(filters, page, options)` returns {items, metadata}; `render(items, filters)`
 * its elements. `filters` is changed by `set({name: value})`, which begins at the first page.
 */
export class LiveList {
  constructor(place, { load, render, defaults = {} }) {
    Object.assign(this, { place, load, render, defaults });
    this.filters = { ...defaults, ...place.parameters };
    this.element = changing("div");
    this.failure = element("div");
  }

  /** Load the list, and keep it up to date until the screen is left. */
  async start() {
    this.stop = await live((options) => this.update(options), {
      interval: INTERVAL, onFailure: (error) => this.failure.replaceChildren(problem(error)),
    });
    this.place.leave(() => this.stop());
  }

  async update({ signal }) {
    const offset = (Number(this.filters.page || 1) - 1) * PAGE_SIZE;
    const page = await this.load(this.filters, { _size: PAGE_SIZE, _offset: Math.max(0, offset) || 0 }, { signal });
    if (signal.aborted) return;
    this.failure.replaceChildren();
    const minute = Math.floor(Date.now() / 60000); // times are relative
    this.element.show([page, this.filters, minute], () => [this.render(page.items, this.filters), this.pages(page.metadata.pagination)]);
  }

  async set(values) {
    this.filters = { ...this.filters, page: "", ...values };
    const changed = Object.entries(this.filters).filter(([name, value]) => value !== (this.defaults[name] ?? ""));
    setParameters(Object.fromEntries(changed));
    this.stop?.();
    try {
      await this.start();
    } catch (error) {
      if (error.name !== "AbortError") this.failure.replaceChildren(problem(error));
    }
  }

  pages({ total, offset, size }) {
    if (total <= size && !offset) return null;
    const page = Math.floor(offset / PAGE_SIZE) + 1;
    const turn = (text, number, disabled) => button(text, () => this.set({ page: number === 1 ? "" : String(number) }), { disabled });
    return element("nav", { class: "pages", "aria-label": "Pages" },
      turn("Previous", page - 1, page === 1), element("span", { class: "numbers" }, `${offset + 1} to ${Math.min(offset + size, total)} of ${total}`),
      turn("Next", page + 1, offset + size >= total));
  }
}

/** Make the field that searches a list while somebody types. */
export function searchField(list, label, name = "search") {
  let timer;
  const input = element("input", { type: "search", id: `search-${name}`, value: list.filters[name] || "", autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => list.set({ [name]: input.value.trim() }), TYPING);
  });
  list.place.leave(() => clearTimeout(timer));
  return element("div", { class: "field wide" }, element("label", { for: input.id }, label), input);
}

/** Make a field that chooses among [value, text]; the empty value is no filter. */
export function choiceField(list, label, name, choices) {
  const options = choices.map(([value, text]) => element("option", { value, selected: value === (list.filters[name] || "") }, text));
  const select = element("select", { id: `filter-${name}`, onchange: (event) => list.set({ [name]: event.target.value }) }, options);
  return element("div", { class: "field" }, element("label", { for: select.id }, label), select);
}
