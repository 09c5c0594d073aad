// Live screens, which tell when they cannot be brought up to date.

import { element, replace } from "./dom.js";
import { live } from "./live.js";
import { problem } from "./parts.js";

/**
 * Call `update` as `live` does until the screen is left.
 * Return an element that shows why the last update failed, if it did.
 */
export async function watch(place, update, options = {}) {
  const failure = element("div");
  const stop = await live(async (request) => {
    const goesOn = await update(request);
    replace(failure);
    return goesOn;
  }, { ...options, onFailure: (error) => replace(failure, problem(error)) });
  place.leave(stop);
  return failure;
}
