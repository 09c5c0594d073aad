// The form that uploads a blueprint: an archive, or a main file with the files that it needs.

import { put } from "../api.js";
import { openForm } from "./dialog.js";
import { announce, element } from "../dom.js";
import { field } from "./fields.js";
import { forgetIcon } from "../icons.js";
import { nameField } from "./name_field.js";
import { button } from "../parts.js";
import { go } from "../router.js";
import { may } from "../session.js";
import { packFiles } from "./tar.js";
import { visibilityField } from "./visibility.js";

const MAIN_FILE = "blueprint.yaml";
const ARCHIVE = /\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$/i;
const YAML = /\.ya?ml$/i;

/** Return the actions that a user has on blueprints as such: to upload one. */
export function blueprintsActions() {
  return may("blueprint_upload") ? [button("Upload a blueprint…", uploadBlueprint, { class: "primary" })] : [];
}

/** Open the form; once the blueprint is uploaded, show it. */
function uploadBlueprint() {
  const files = field("Files", element("input", { type: "file", multiple: true }), {
    hint: "An archive (zip, tar, tar.gz, tar.bz2), or the main file of the blueprint and the files that it needs, such as scripts.", required: true,
  });
  const id = nameField();
  const mainFile = field("Main file", element("input", { type: "text", autocomplete: "off", spellcheck: "false", value: MAIN_FILE }), {
    hint: "The blueprint's file in the archive.",
  });
  const visibility = visibilityField();
  files.control.addEventListener("change", () => suggest([...files.control.files], id.control, mainFile.control));
  openForm({
    title: "Upload a blueprint", submit: "Upload", contents: [files.element, id.element, mainFile.element, visibility.element],
    mark: (error) => id.markError(error),
    onSubmit: async () => {
      const name = id.read();
      const archive = readFiles(files);
      if (!name || !archive) return false;
      announce("Uploading…");
      await put(["blueprints", name], archive, {
        application_file_name: mainFile.control.value.trim() || MAIN_FILE, visibility: visibility.control.value,
      });
      forgetIcon(name);
      go(["blueprints", name]);
      return true;
    },
  });
}

/** Fill in what the names of the files tell: the name of the blueprint, where there is none yet, and its main file. */
function suggest(files, id, mainFile) {
  const main = files.find((each) => each.name === MAIN_FILE) ?? files.find((each) => YAML.test(each.name));
  if (main && !isArchive(files)) mainFile.value = main.name;
  const [source] = isArchive(files) ? files : [main];
  const base = source?.name.replace(ARCHIVE, "").replace(YAML, "").replace(/[^\w.-]+/g, "-");
  if (!id.value && base && base !== "blueprint") id.value = base;
}

const isArchive = (files) => files.length === 1 && ARCHIVE.test(files[0].name);

/** Return the archive to upload; null after what is wrong was marked. */
function readFiles({ control, mark }) {
  const files = [...control.files];
  const refuse = (message) => {
    mark(message);
    control.focus();
    return null;
  };
  if (!files.length) return refuse("Choose a file.");
  if (isArchive(files)) return files[0];
  if (files.some((each) => ARCHIVE.test(each.name))) return refuse("Choose one archive alone, or files that are no archives.");
  if (!files.some((each) => YAML.test(each.name))) return refuse("Choose an archive, or the main file of a blueprint, which ends in .yaml.");
  try {
    return packFiles(files);
  } catch (error) {
    return refuse(error.message);
  }
}
