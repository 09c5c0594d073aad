// What benchmarks/web_graph.py draws: large topologies and timelines, and bare pictures and tables of as many things.

const main = document.querySelector("main");
const STATES = ["started", "starting", "configuring", "uninitialized"];

function makeNodes(count) {
  const link = (type, target) => ({ type, type_hierarchy: [type], target_id: `node_${target}` });
  return Array.from({ length: count }, (_, node) => {
    const relationships = [];
    if (node % 3 === 1) relationships.push(link("cloudify.relationships.contained_in", node - 1));
    if (node % 3 === 2) relationships.push(link("cloudify.relationships.connected_to", node - 2));
    if (node > 3) relationships.push(link("cloudify.relationships.connected_to", 0));
    return { id: `node_${node}`, type: "cloudify.nodes.Root", relationships };
  });
}

function makeInstances(count, nodeCount, shift) {
  return Array.from({ length: count }, (_, index) => {
    const node = `node_${index % nodeCount}`;
    return { id: `${node}_${index}`, node_id: node, index, state: STATES[(index + shift) % STATES.length] };
  });
}

/** Draw the topology of instances of nodes; return what changes the states of all. */
export async function drawTopology([nodeCount, count]) {
  const { topology } = await import("/web/topology/topology.js");
  const made = topology({ nodes: makeNodes(nodeCount), instances: makeInstances(count, nodeCount, 0), isRunning: true });
  main.replaceChildren(made.element);
  return () => made.update(makeInstances(count, nodeCount, 1), true);
}

/** Draw a rectangle and two texts for each of as many instances. */
export function drawPicture(count) {
  const make = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };
  const picture = make("svg", { width: 5000, height: 5000 });
  for (let index = 0; index < count; index += 1) {
    const [x, y] = [(index % 25) * 180, Math.floor(index / 25) * 80];
    picture.append(make("rect", { x, y, width: 150, height: 54, rx: 8 }));
    picture.append(make("text", { x, y: y + 20 }, `node_${index}`), make("text", { x, y: y + 40 }, "started"));
  }
  main.replaceChildren(picture);
}

function makeEvents(count) {
  const events = [];
  for (let number = 0; number < count; number += 1) {
    const operation = `cloudify.interfaces.lifecycle.step${number % 5}`;
    const fields = { node_instance_id: `node_${Math.floor(number / 5)}`, operation };
    const at = (milliseconds) => new Date(Date.UTC(2026, 0) + number * 50 + milliseconds).toISOString();
    const end = number % 1000 === 7 ? "task_failed" : "task_succeeded";
    events.push({ ...fields, event_type: "task_started", reported_timestamp: at(0) });
    events.push({ ...fields, event_type: end, reported_timestamp: at(700) });
  }
  return events;
}

/** Draw the timeline of attempts at operations; return what scrolls through it in 20 steps. */
export async function drawTimeline(count) {
  const { timeline } = await import("/web/timeline/timeline.js");
  const { Attempts } = await import("/web/timeline/attempts.js");
  const attempts = new Attempts();
  attempts.add(makeEvents(count));
  const made = timeline({ attempts });
  main.replaceChildren(made.element);
  const view = made.element.querySelector(".rows");
  return () => {
    for (let step = 0; step < 20; step += 1) {
      view.scrollTop = step * 1000;
      view.dispatchEvent(new Event("scroll"));
      view.getBoundingClientRect();
    }
  };
}

/** Draw a table with a row for each of as many attempts. */
export function drawTable(count) {
  const table = document.createElement("table");
  for (let number = 0; number < count; number += 1) {
    const row = table.insertRow();
    const texts = [`node_${Math.floor(number / 5)}`, `step${number % 5}`, "succeeded, 700 ms"];
    for (const text of texts) row.insertCell().textContent = text;
  }
  main.replaceChildren(table);
}
