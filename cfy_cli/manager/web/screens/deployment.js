// The screen of a deployment: its state, what is wrong now, its topology, its executions, its values.

import { get, getAll } from "../api.js";
import { changing } from "../changing.js";
import { element, link } from "../dom.js";
import { openInstance } from "../topology/instance_panel.js";
import { button, details, duration, empty, labels, state, table, time, trail, value } from "../parts.js";
import { problemsOf } from "../problems.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { topology } from "../topology/topology.js";
import { topologyTable } from "../topology/topology_table.js";
import { watch } from "../watching.js";
import { deploymentDeletion } from "../forms/deletion.js";
import { deploymentActions } from "../forms/workflows.js";

const FIELDS = "id,display_name,description,blueprint_id,created_at,updated_at,created_by,visibility,site_name,labels,inputs,deployment_status,installation_status,sub_services_count,sub_environments_count,deployment_groups";
const INSTANCE_FIELDS = "id,node_id,index,state,is_status_check_ok,has_configuration_drift";
const NODE_FIELDS = "id,type,relationships";
const EXECUTION_FIELDS = "id,workflow_id,status,error,created_at,started_at,ended_at,created_by";
const SHOWN_EXECUTIONS = 10;
const MAX_INSTANCES = 10000;
const QUIET_ROUNDS = 5; // updates from one request of node instances to the next, while no execution runs
const ENDED = new Set(["terminated", "failed", "cancelled"]);
const isPhone = () => matchMedia("(max-width: 600px)").matches;

export async function show(place) {
  const screen = new DeploymentScreen(place.key);
  await screen.load();
  const failure = await watch(place, (options) => screen.update(options));
  return screen.parts(failure);
}

class DeploymentScreen {
  constructor(id) {
    this.id = id;
    this.heading = changing("div", { class: "heading" });
    this.problems = changing("section", { "aria-label": "What is wrong now", "aria-live": "polite" });
    this.values = changing("div");
    this.executions = changing("div");
    this.topology = element("div");
  }

  async load() {
    const nodes = may("node_list") ? await getAll(["nodes"], { deployment_id: this.id, _include: NODE_FIELDS }) : [];
    this.nodes = nodes;
  }

  parts(failure) {
    const main = element("div", {}, this.topology, element("h2", {}, "Executions"), this.executions);
    return [trail([address("deployments"), "Deployments"]), this.heading, failure, this.problems, element("div", { class: "columns" }, main, this.values)];
  }

  async update({ signal }) {
    const of = { deployment_id: this.id };
    const [deployment, executions] = await Promise.all([
      get(["deployments", this.id], { _include: FIELDS }, { signal }),
      may("execution_list") ? get(["executions"], { ...of, _include: EXECUTION_FIELDS, _sort: "-created_at", _size: SHOWN_EXECUTIONS }, { signal }) : { items: [] },
    ]);
    const isRunning = executions.items.some((each) => !ENDED.has(each.status));
    const instances = await this.loadInstances(isRunning, signal);
    await Promise.all([this.reloadNodes(instances), this.loadResults(executions.items, signal)]);
    this.showTopology(instances, isRunning);
    this.heading.show([deployment.display_name, deployment.deployment_status, isRunning], () => showHeading(deployment));
    const problems = problemsOf(instances, executions.items, isRunning);
    this.problems.show(problems.map(({ key }) => key), () => showProblems(problems, (instance) => this.select(instance)));
    this.executions.show([executions.items, minute()], () => showExecutions(executions.items, executions.metadata?.pagination.total));
    this.values.show([deployment, this.results, minute()], () => showValues(deployment, this.results));
  }

  /** Load the node instances; seldom while no execution runs that changes them. */
  async loadInstances(isRunning, signal) {
    if (!may("node_instance_list")) return [];
    this.round = (this.round ?? -1) + 1;
    if (!isRunning && !this.isRunning && this.round % QUIET_ROUNDS) return this.instances;
    return getAll(["node-instances"], { deployment_id: this.id, _include: INSTANCE_FIELDS }, MAX_INSTANCES, { signal });
  }

  /** Load the nodes again when an update has brought new ones. */
  async reloadNodes(instances) {
    const known = new Set(this.nodes.map((node) => node.id));
    if (this.view && may("node_list") && instances.some((each) => !known.has(each.node_id))) {
      await this.load();
      this.view = null;
    }
  }

  /** Load the values of outputs and capabilities again when an execution may have changed them. */
  async loadResults(executions, signal) {
    const version = executions.map(({ id, status }) => `${id} ${status}`).join();
    if (this.version === version) return;
    const shown = may("deployment_capabilities") ? [["Outputs", "outputs"], ["Capabilities", "capabilities"]] : [];
    this.results = await Promise.all(shown.map(async ([title, field]) => {
      const answer = await get(["deployments", this.id, field], {}, { signal }).catch(unavailable);
      return { title, values: answer[field], failure: answer.failure };
    }));
    this.version = version;
  }

  select(instance) {
    openInstance(instance, this.isRunning);
  }

  showTopology(instances, isRunning) {
    Object.assign(this, { instances, isRunning });
    if (this.view) this.view.update(instances, isRunning);
    else if (this.nodes.length || instances.length) this.makeTopology(this.isTable ?? isPhone());
  }

  makeTopology(isTable) {
    this.isTable = isTable;
    const make = isTable ? topologyTable : topology;
    this.view = make({ nodes: this.nodes, instances: this.instances, isRunning: this.isRunning, onSelect: (instance) => this.select(instance) });
    const choose = (text, value) => button(text, () => {
      this.makeTopology(value);
      this.topology.querySelector("[aria-pressed=true]").focus();
    }, { "aria-pressed": String(isTable === value) });
    this.topology.replaceChildren(
      element("div", { class: "heading section" }, element("h2", {}, "Topology"),
        element("div", { class: "choice", role: "group", "aria-label": "Show the topology as" }, choose("Picture", false), choose("Table", true))),
      this.view.element);
  }
}

/** What depends on the present time is shown again each minute. */
const minute = () => Math.floor(Date.now() / 60000);

function showHeading(deployment) {
  return [
    element("h1", {}, deployment.display_name || deployment.id), state(deployment.deployment_status),
    deployment.display_name && deployment.display_name !== deployment.id ? element("code", {}, deployment.id) : null,
    element("div", { class: "actions" }, deploymentActions(deployment), deploymentDeletion(deployment)),
  ];
}

function showProblems(problems, select) {
  return problems.map(({ text, reason, execution, instance }) => element("div", { class: "problem" },
    element("p", {}, element("strong", {}, text)), reason ? element("p", { class: "reason", tabindex: "0" }, reason) : null,
    execution ? element("p", {}, link(address(["executions", execution]), "See what failed")) : null,
    instance ? button(`Show ${instance.id}`, () => select(instance)) : null));
}

function showExecutions(executions, total) {
  if (!executions.length) return empty("No execution yet.");
  const rows = table(`The newest executions${total > executions.length ? `, ${executions.length} of ${total}` : ""}`, [
    ["Workflow", (each) => link(address(["executions", each.id]), each.workflow_id)],
    ["Status", (each) => state(each.status)],
    ["Started", (each) => time(each.started_at ?? each.created_at)],
    ["Duration", (each) => duration(each.started_at, each.ended_at)],
    ["By", (each) => each.created_by],
  ], executions);
  return rows;
}

/** What is shown in place of values that cannot be evaluated; requests that were aborted are no failures. */
function unavailable(error) {
  if (error.name === "AbortError") throw error;
  return { failure: error.message };
}

function showValues(deployment, results) {
  const blueprint = deployment.blueprint_id;
  const groups = (deployment.deployment_groups ?? []).map((id) => link(address(["groups", id]), id));
  const list = (title, pairs) => (pairs.length ? element("section", { class: "card" }, element("h2", {}, title), details(pairs)) : null);
  const pairs = (values) => Object.entries(values ?? {}).map(([name, each]) => [name, value(each)]);
  const evaluated = ({ title, values, failure }) => (failure
    ? element("section", { class: "card" }, element("h2", {}, title), element("p", {}, failure)) : list(title, pairs(values)));
  return [
    element("section", { class: "card" }, element("h2", {}, "About"), deployment.description ? element("p", {}, deployment.description) : null, details([
      ["Blueprint", blueprint && link(address(["blueprints", blueprint]), blueprint)],
      ["Labels", deployment.labels?.length ? labels(deployment.labels) : null],
      ["Groups", groups.length ? groups.flatMap((each) => [each, " "]) : null], ["Site", deployment.site_name],
      ["Created", time(deployment.created_at)], ["Created by", deployment.created_by], ["Visibility", deployment.visibility],
    ])),
    ...results.map(evaluated), list("Inputs", pairs(deployment.inputs)),
  ];
}
