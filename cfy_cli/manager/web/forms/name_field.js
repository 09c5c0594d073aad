// The field for the name of something new.

import { element } from "../dom.js";
import { field } from "./fields.js";

/** Make the field. `read()` returns the name, or an empty text after it has asked for one; `markError(error)` shows an error about the name. */
export function nameField() {
  const made = field("Name", element("input", { type: "text", autocomplete: "off", spellcheck: "false" }), { hint: "Letters, digits and . _ - are allowed.", required: true });
  const { control } = made;
  const show = (message) => {
    made.mark(message);
    control.focus();
  };
  const read = () => {
    const name = control.value.trim();
    if (!name) show("Give a name.");
    return name;
  };
  const markError = (error) => {
    const name = control.value.trim();
    const isAboutIt = name && error.message.includes(name) && !error.message.includes("\n");
    if (isAboutIt) show(error.message);
    return isAboutIt;
  };
  return { ...made, read, markError };
}
