// The screen of an execution: why it failed, its timeline, its events.

import { get } from "../api.js";
import { Attempts, TIMELINE_EVENTS } from "../timeline/attempts.js";
import { changing } from "../changing.js";
import { element, link } from "../dom.js";
import { liveEvents } from "../timeline/events.js";
import { executionActions } from "../forms/execution_actions.js";
import { openOperationLog } from "../timeline/operation_log.js";
import { button, details, duration, state, time, trail, value } from "../parts.js";
import { tidy } from "../problems.js";
import { address } from "../router.js";
import { may } from "../session.js";
import { timeline } from "../timeline/timeline.js";
import { watch } from "../watching.js";

const EVENT_FIELDS = "_storage_id,event_type,operation,node_instance_id,source_id,target_id,reported_timestamp";
const PAGE = 1000; // events of one request
const MAX_LINKS = 5; // failed operations that the reason of a failure leads to
const ENDED = new Set(["terminated", "failed", "cancelled"]);

export async function show(place) {
  const screen = new ExecutionScreen(place.key, place.refresh);
  const failure = await watch(place, (options) => screen.update(options));
  place.leave(() => screen.timeline?.stop());
  return screen.parts(failure);
}

class ExecutionScreen {
  constructor(id, refresh) {
    Object.assign(this, { id, refresh });
    this.attempts = new Attempts();
    this.cursor = 0;
    this.trail = changing("div");
    this.heading = changing("div", { class: "heading" });
    this.reason = changing("div", { role: "status" });
    this.progress = changing("div");
    this.facts = changing("div");
    if (!may("event_list")) return;
    this.timeline = timeline({ attempts: this.attempts, onOpen: (attempt) => this.open(attempt) });
    this.events = liveEvents(id);
  }

  parts(failure) {
    const head = [this.trail, this.heading, failure, this.reason, element("div", { class: "card facts" }, this.progress, this.facts)];
    if (!this.timeline) return head;
    return [...head, element("h2", {}, "Timeline"), this.timeline.element, element("h2", {}, "Events"), this.events.element];
  }

  open(attempt) {
    openOperationLog(this.id, attempt, this.attempts);
  }

  async update({ signal }) {
    const execution = await get(["executions", this.id], {}, { signal });
    const isEnded = ENDED.has(execution.status);
    if (this.timeline) await this.updateEvents(execution, isEnded, signal);
    this.showHead(execution);
    return !isEnded;
  }

  async updateEvents(execution, isEnded, signal) {
    for (;;) {
      const page = await get(["events"], {
        execution_id: this.id, event_type: TIMELINE_EVENTS, _include: EVENT_FIELDS, _after: this.cursor, _size: PAGE,
      }, { signal });
      this.attempts.add(page.items);
      this.cursor = page.metadata.after ?? this.cursor;
      if (page.items.length < PAGE) break;
    }
    if (isEnded) this.attempts.close(Date.parse(execution.ended_at));
    this.timeline.update();
    await this.events.update({ signal });
    this.events.offerNodes([...new Set(this.attempts.all.map((each) => each.instance).filter(Boolean))].sort());
  }

  showHead(execution) {
    const { deployment_id: deployment, deployment_display_name: name, workflow_id: workflow } = execution;
    this.trail.show(deployment, () => trail(
      ...(deployment ? [[address("deployments"), "Deployments"], [address(["deployments", deployment]), name || deployment]] : [[address("executions"), "Executions"]])));
    this.heading.show(execution.status, () => [
      element("h1", {}, deployment ? `${workflow} on ${name || deployment}` : workflow), state(execution.status),
      execution.is_dry_run ? element("span", { class: "label" }, "dry run") : null,
      element("div", { class: "actions" }, executionActions(execution, () => this.refresh())),
    ]);
    const failed = [...new Map(this.attempts.all.filter((each) => each.outcome === "failed").map((each) => [`${each.place} ${each.operation}`, each])).values()];
    this.reason.show([execution.error, failed.length], () => showReason(execution.error, failed, (attempt) => this.open(attempt)));
    const seconds = execution.ended_at ? 0 : Math.floor(Date.now() / 1000);
    this.progress.show([execution.finished_operations, execution.started_at, execution.ended_at, seconds], () => showProgress(execution));
    this.facts.show([execution.scheduled_for], () => showFacts(execution));
  }
}

function showReason(error, failed, open) {
  if (!error) return [];
  const links = failed.slice(-MAX_LINKS).map((attempt) => button(`Log of ${attempt.name} on ${attempt.place}`, () => open(attempt)));
  return element("div", { class: "problem" }, element("p", { class: "reason", tabindex: "0" }, tidy(error)), links.length ? element("p", { class: "actions" }, links) : null);
}

function showProgress({ total_operations: total, finished_operations: finished, started_at: started, ended_at: ended }) {
  const bar = () => [element("progress", { max: total, value: finished, "aria-label": "Steps that have ended" }), ` ${finished} of ${total} steps`];
  return details([
    ["Progress", total ? bar() : null], ["Duration", duration(started, ended)],
    ["Started", started && time(started)], ["Ended", ended && time(ended)],
  ]);
}

function showFacts(execution) {
  const deployment = execution.deployment_id;
  return details([
    ["Scheduled for", execution.scheduled_for && time(execution.scheduled_for)],
    ["Started by", execution.created_by],
    ["Deployment", deployment && link(address(["deployments", deployment]), deployment)],
    ["Parameters", showParameters(execution.parameters)],
    ["Id", element("code", {}, execution.id)],
  ]);
}

function showParameters(parameters) {
  const given = Object.entries(parameters ?? {}).filter(([, each]) => each !== null && each !== "" && !(Array.isArray(each) && !each.length));
  return given.length ? details(given.map(([name, each]) => [name, value(each)])) : null;
}
