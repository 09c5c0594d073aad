// The list of blueprints, the newest first.

import { get } from "../api.js";
import { blueprintsActions } from "../forms/blueprint_upload.js";
import { createDeployment } from "../forms/deployment_form.js";
import { element, link } from "../dom.js";
import { icon } from "../icons.js";
import { LiveList, searchField } from "../lists.js";
import { button, empty, labels, problem, state, table, time } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";

const FIELDS = "id,description,state,error,labels,created_at,created_by,visibility";

export async function show(place) {
  const list = new LiveList(place, { load, render: (items, filters) => render(items, filters, list.failure) });
  const filters = element("form", { class: "filters", role: "search", "aria-label": "Filter blueprints", onsubmit: (event) => event.preventDefault() }, searchField(list, "Search names"));
  await list.start();
  return [element("div", { class: "heading" }, element("h1", {}, "Blueprints"), element("div", { class: "actions" }, blueprintsActions())), filters, list.failure, list.element];
}

function load({ search }, page, options) {
  return get(["blueprints"], { ...page, _include: FIELDS, _sort: "-created_at", _search: search }, options);
}

function render(items, { search }, failure) {
  if (!items.length && search) return empty("No blueprint matches.");
  if (!items.length) return empty("There are no blueprints in this tenant yet.", may("blueprint_upload") ? ["Upload one here, or in a terminal: ", element("code", {}, "cfy blueprints upload blueprint.yaml")] : null);
  const columns = [
    ["Blueprint", (each) => element("span", { class: "named" }, icon(each.id), element("span", {}, link(address(["blueprints", each.id]), each.id),
      each.error ? element("span", { class: "sub reason" }, each.error.split("\n")[0]) : each.description ? element("span", { class: "sub" }, shorten(each.description)) : null))],
    ["State", (each) => state(each.state)],
    ["Labels", (each) => (each.labels.length ? labels(each.labels) : element("span", { class: "quiet" }, "–"))],
    ["Uploaded", (each) => [time(each.created_at), element("span", { class: "sub" }, `by ${each.created_by}`)]],
  ];
  if (may("deployment_create")) columns.push(["Actions", (each) => (each.state === "uploaded" ? deploy(each.id, failure) : "")]);
  return table("Blueprints", columns, items, { isCaptionHidden: true });
}

function deploy(blueprint, failure) {
  const open = async () => {
    try {
      await createDeployment(await get(["blueprints", blueprint]));
    } catch (error) {
      failure.replaceChildren(problem(error));
    }
  };
  return button("Deploy…", open, { "aria-label": `Create a deployment of ${blueprint}` });
}

function shorten(text) {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}
