// Icons of blueprints: a tile with the first letter of the name, and the image once it is there.

import { currentTenant } from "./api.js";
import { element } from "./dom.js";
import { may } from "./session.js";

const known = new Map(); // by tenant and blueprint: the image as a promise, which is null without one

/** Show the icon of a blueprint; it says nothing that its name does not. */
export function icon(blueprint, isLarge = false) {
  const shown = element("span", { class: isLarge ? "icon large" : "icon", "aria-hidden": "true" }, blueprint.slice(0, 1).toUpperCase());
  const tenant = currentTenant();
  const key = `${tenant}/${blueprint}`;
  if (!known.has(key)) known.set(key, load(tenant, blueprint));
  known.get(key).then((source) => source && shown.replaceChildren(element("img", { src: source, alt: "" })));
  return shown;
}

/** Ask for the icon again when it is next shown: the blueprint was uploaded or deleted. */
export function forgetIcon(blueprint) {
  known.delete(`${currentTenant()}/${blueprint}`);
}

async function load(tenant, blueprint) {
  if (!may("blueprint_download")) return null;
  const answer = await fetch(`/web/icons/${encodeURIComponent(blueprint)}`, { headers: { Tenant: tenant } }).catch(() => null);
  if (answer?.status !== 200) return null; // 204 without an icon
  const content = await answer.blob();
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => resolve(null));
    reader.readAsDataURL(content); // which cannot run a script, whatever it is
  });
}
