// A view of a picture that is zoomed and moved by buttons, by keys, and by scrolling.

import { element } from "../dom.js";
import { button } from "../parts.js";

const ZOOM_STEP = 1.25;
const MIN_ZOOM = 0.05;
const MAX_ZOOM = 3;
const MIN_FIRST_ZOOM = 0.75; // at which texts can be read
const PAN = 120; // pixels of one step
const MIN_FIT_HEIGHT = 320; // pixels

/** Make the view of a picture: {tools, view, resize, press}; `resize(width, height)` says how large the picture is. */
export function zoomedView(picture, label) {
  const view = element("div", { class: "topology-view", tabindex: "0", role: "region", "aria-label": label }, picture);
  let [zoom, width, height] = [1, 1, 1];

  function setZoom(wanted) {
    zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, wanted));
    picture.setAttribute("width", (width * zoom).toFixed(0));
    picture.setAttribute("height", (height * zoom).toFixed(0));
  }

  function fittingZoom() {
    const viewHeight = Math.max(MIN_FIT_HEIGHT, window.innerHeight * 0.6);
    return Math.min(1, (view.clientWidth - 4) / width, viewHeight / height);
  }

  function resize(newWidth, newHeight) {
    [width, height] = [newWidth, newHeight];
    picture.setAttribute("viewBox", `0 0 ${width.toFixed(0)} ${height.toFixed(0)}`);
    setZoom(zoom);
  }

  const actions = {
    "-": () => setZoom(zoom / ZOOM_STEP), "+": () => setZoom(zoom * ZOOM_STEP), "=": () => setZoom(zoom * ZOOM_STEP),
    0: () => setZoom(fittingZoom()),
  };

  /** Act on a key that zooms; return whether it was one. */
  function press(key) {
    actions[key]?.();
    return key in actions;
  }

  new ResizeObserver((_, observer) => { // it has no size before it is shown
    if (!view.clientWidth) return;
    observer.disconnect();
    setZoom(Math.max(MIN_FIRST_ZOOM, fittingZoom()));
    view.scrollLeft = (view.scrollWidth - view.clientWidth) / 2;
  }).observe(view);
  const tool = (text, name, act) => button(text, act, { "aria-label": name, title: name });
  const pan = (x, y) => () => view.scrollBy(x * PAN, y * PAN);
  const tools = element("div", { class: "topology-tools", role: "group", "aria-label": "Zoom and move" },
    tool("−", "Zoom out", actions["-"]), tool("+", "Zoom in", actions["+"]), tool("Fit", "Fit the whole picture", actions[0]),
    tool("←", "Move left", pan(-1, 0)), tool("↑", "Move up", pan(0, -1)),
    tool("↓", "Move down", pan(0, 1)), tool("→", "Move right", pan(1, 0)));
  return { tools, view, resize, press };
}
