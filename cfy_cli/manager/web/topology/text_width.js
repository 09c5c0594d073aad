// How wide texts are in the picture of a topology.

/** The fonts of the texts in boxes; graph.css has the same. */
export const FONTS = { name: "600 14px", type: "12px", state: "500 12.5px" };

let context = null;
let font = "";
const widths = new Map(); // by font and text: states are the same words again and again
const MAX_WIDTHS = 5000;

export function measureText(text, wanted) {
  const key = `${wanted} ${text}`;
  const known = widths.get(key);
  if (known !== undefined) return known;
  context ??= document.createElement("canvas").getContext("2d");
  if (font !== wanted) {
    context.font = `${wanted} ${getComputedStyle(document.body).fontFamily}`;
    font = wanted;
  }
  if (widths.size > MAX_WIDTHS) widths.clear();
  const { width } = context.measureText(text);
  widths.set(key, width);
  return width;
}

/** Cut a text to a width in pixels. */
export function fitText(text, width, wanted) {
  if (measureText(text, wanted) <= width) return text;
  let [fitting, tooLong] = [1, Math.min(text.length, 1000)];
  while (tooLong - fitting > 1) {
    const middle = Math.floor((fitting + tooLong) / 2);
    if (measureText(`${text.slice(0, middle)}…`, wanted) <= width) fitting = middle;
    else tooLong = middle;
  }
  return `${text.slice(0, fitting)}…`;
}
