// The choice of who sees something new.

import { element } from "../dom.js";
import { field } from "./fields.js";
import { may } from "../session.js";

const VISIBILITIES = [["tenant", "All users of the tenant"], ["private", "Only the owner and administrators"], ["global", "All tenants"]];

/** Make the field; its control has the value. */
export function visibilityField(initial = "tenant") {
  const offered = VISIBILITIES.filter(([name]) => name !== "global" || may("create_global_resource"));
  return field("Visible to", element("select", {}, offered.map(([name, text]) => element("option", { value: name, selected: name === initial }, text))));
}
