// The screen: blueprint.

import { element } from "../dom.js";

export async function show() {
  return [element("h1", {}, "Blueprint")];
}
