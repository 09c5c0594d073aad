// Values of inputs and parameters: from the text of a field to the value of its type, or a sentence that says what is wrong.

const NUMBERS = { integer: /^[+-]?\d+$/, float: /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i };
const TEXTS = new Set([ // and names of what the manager or the deployment has
  "string", "textarea", "regex", "blueprint_id", "deployment_id", "capability_value", "scaling_group", "node_id", "node_type",
  "node_instance", "secret_key", "operation_name",
]);
const BOUNDS = {
  greater_than: [(value, bound) => value > bound, "greater than"], less_than: [(value, bound) => value < bound, "less than"],
  greater_or_equal: [(value, bound) => value >= bound, "at least"], less_or_equal: [(value, bound) => value <= bound, "at most"],
  equal: [(value, bound) => value === bound, "equal to"],
};
const LENGTHS = {
  length: [(size, bound) => size === bound, "exactly"], min_length: [(size, bound) => size >= bound, "at least"],
  max_length: [(size, bound) => size <= bound, "at most"],
};

/** Return what a field is for: text, boolean, integer, float, list, dict, or json for other types of data. */
export function kindOfValue({ type, default: initial }) {
  if (type === "boolean" || type === "list" || type === "dict" || type in NUMBERS) return type;
  if (TEXTS.has(type)) return "text";
  if (type) return "json"; // a type of the blueprint
  if (typeof initial === "boolean") return "boolean";
  if (Array.isArray(initial)) return "list";
  if (initial && typeof initial === "object") return isFunction(initial) ? "json" : "dict";
  return "any";
}

const isFunction = (value) => Object.keys(value).length === 1 && /^(get_|concat$|merge$|string_)/.test(Object.keys(value)[0]);

/** Return the text that a field shows for a value. */
export function format(kind, value) {
  if (value === undefined || value === null || (typeof value === "object" && !Object.keys(value).length)) return "";
  if (kind === "list" && value.length && value.every(isPlain)) return value.map((each) => `- ${each}`).join("\n");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

const isPlain = (value) => typeof value === "string" && value !== "" && value === value.trim() && scalar(value) === value;

/** Return the value of a text. Throws an Error whose message is for the user. */
export function parse(kind, text) {
  const trimmed = text.trim();
  if (kind === "text") return text;
  if (kind === "any") return /^[[{]/.test(trimmed) ? parseJson(trimmed) : scalar(text);
  if (kind === "boolean") return trimmed === "true";
  if (kind in NUMBERS) {
    if (!NUMBERS[kind].test(trimmed)) throw new Error(kind === "integer" ? "Give a whole number, such as 8080." : "Give a number, such as 2.5.");
    return Number(trimmed);
  }
  const value = /^[[{]/.test(trimmed) ? parseJson(trimmed) : parseLines(kind, trimmed);
  const isList = Array.isArray(value);
  if (kind === "list" && !isList && !isFunction(value)) throw new Error("Give a list: one item on each line, as in `- web`, or JSON such as [\"web\"].");
  if (kind === "dict" && isList) throw new Error("Give names and values: `name: value` on each line, or JSON such as {\"name\": \"value\"}.");
  return value;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not valid JSON: ${error.message}.`);
  }
}

/** Parse the flat YAML that people type: items after dashes, or names and values. */
function parseLines(kind, text) {
  const lines = text.split("\n").filter((line) => line.trim() && !line.trim().startsWith("#"));
  if (kind !== "dict" && lines.every((line) => /^\s*-\s/.test(line) || !line.includes(":"))) {
    return lines.map((line) => scalar(line.replace(/^\s*-\s+/, "")));
  }
  const pairs = lines.map((line, index) => {
    const match = line.match(/^([^\s:#][^:]*):\s+(.*)$/);
    if (!match) throw new Error(`Line ${index + 1}: give \`name: value\`, or write all of it as JSON.`);
    return [match[1].trim(), /^[[{]/.test(match[2]) ? parseJson(match[2]) : scalar(match[2])];
  });
  return Object.fromEntries(pairs);
}

/** Return what YAML reads in a text without structure. */
function scalar(text) {
  const trimmed = text.trim();
  if (/^(true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === "true";
  if (/^(null|~)$/i.test(trimmed)) return null;
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  const quoted = trimmed.match(/^"(.*)"$|^'(.*)'$/s);
  return quoted ? (quoted[1] ?? quoted[2]) : trimmed;
}

/** Return a sentence that says which constraint a value breaks; empty when it keeps all. The manager checks again. */
export function findFault(value, constraints = []) {
  for (const [name, bound] of constraints.flatMap((each) => Object.entries(each))) {
    if (typeof bound === "object" && !Array.isArray(bound)) continue; // computed by the manager
    if (name in BOUNDS && !BOUNDS[name][0](value, bound)) return `The value must be ${BOUNDS[name][1]} ${bound}.`;
    if (name === "in_range" && !(value >= bound[0] && value <= bound[1])) return `The value must be from ${bound[0]} to ${bound[1]}.`;
    if (name === "valid_values" && !bound.includes(value)) return `The value must be one of ${bound.join(", ")}.`;
    if (name in LENGTHS) {
      const size = typeof value === "string" || Array.isArray(value) ? value.length : Object.keys(value).length;
      if (!LENGTHS[name][0](size, bound)) return `The length must be ${LENGTHS[name][1]} ${bound}.`;
    }
  }
  return "";
}

/** Return text as a sentence. */
export function sentence(text) {
  const trimmed = text.trim();
  return `${trimmed[0].toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`;
}

/** Return the constraints in words. */
export function describeConstraints(constraints = []) {
  const words = constraints.flatMap((each) => Object.entries(each)).map(([name, bound]) => {
    if (name in BOUNDS) return `${BOUNDS[name][1]} ${bound}`;
    if (name === "in_range") return `from ${bound[0]} to ${bound[1]}`;
    if (name in LENGTHS) return `length ${LENGTHS[name][1]} ${bound}`;
    if (name === "pattern") return `matches ${bound}`;
    return name === "valid_values" && Array.isArray(bound) ? `one of ${bound.join(", ")}` : "";
  });
  return words.filter(Boolean).join("; ");
}
