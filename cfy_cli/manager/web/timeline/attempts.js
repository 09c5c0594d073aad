// Attempts at operations, computed from the events of an execution, as `cfy executions timeline` does.

const OUTCOMES = { task_succeeded: "succeeded", task_failed: "failed", task_rescheduled: "rescheduled" };

/** The types of events that a timeline is made of, to ask the manager for no others. */
export const TIMELINE_EVENTS = ["workflow_started", "task_started", ...Object.keys(OUTCOMES)];

export class Attempts {
  constructor() {
    this.all = []; // in the order of their start; times in milliseconds since 1970
    this.running = new Map(); // those without an end yet, by place and operation
    this.first = null;
    this.last = null;
    this.previous = null; // the time of the event before: an execution that is resumed was interrupted then
  }

  add(events) {
    for (const event of events) this.addOne(event);
  }

  addOne(event) {
    const time = Date.parse(event.reported_timestamp ?? event.timestamp);
    if (event.event_type === "workflow_started") this.interrupt(this.previous ?? time);
    this.first = Math.min(this.first ?? time, time);
    this.last = Math.max(this.last ?? time, time);
    this.previous = time;
    const { place, side } = placeOf(event);
    if (!event.operation || !place) return;
    const key = [place, side, event.operation].join(" ");
    const waiting = this.running.get(key) ?? [];
    if (event.event_type === "task_started") {
      const attempt = {
        number: this.all.length, place, side, name: event.operation.split(".").at(-1), operation: event.operation,
        instance: event.node_instance_id, start: time, end: null, outcome: "running",
      };
      this.all.push(attempt);
      this.running.set(key, [...waiting.filter((each) => each.outcome === "running"), attempt]);
    } else if (OUTCOMES[event.event_type] && waiting.length) {
      Object.assign(waiting.shift(), { end: time, outcome: OUTCOMES[event.event_type], message: event.message });
    }
  }

  /** Mark what was running when an execution was started again as interrupted, unless an event of its end follows. */
  interrupt(time) {
    for (const attempts of this.running.values()) {
      for (const each of attempts) if (each.outcome === "running") Object.assign(each, { end: time, outcome: "interrupted" });
    }
  }

  /** Mark what has no end as interrupted, because the execution has ended. */
  close(time) {
    this.last = Math.max(this.last ?? time, time);
    this.interrupt(this.last);
  }
}

/** Return the node instance or the relationship, and for a relationship the end that the operation ran on. */
function placeOf({ node_instance_id: instance, source_id: source, target_id: target }) {
  if (!source) return { place: instance ?? "", side: "" };
  return { place: `${source} → ${target}`, side: instance === source ? "source" : "target" };
}

/** Group attempts by their place: those with failures first, then those that run, then by their start. */
export function groupAttempts(attempts) {
  const groups = new Map();
  for (const attempt of attempts) {
    if (!groups.has(attempt.place)) groups.set(attempt.place, { place: attempt.place, attempts: [] });
    groups.get(attempt.place).attempts.push(attempt);
  }
  const all = [...groups.values()];
  for (const group of all) Object.assign(group, summarizeGroup(group.attempts));
  return all.sort((one, other) => rankOf(one) - rankOf(other) || one.start - other.start);
}

function summarizeGroup(attempts) {
  const count = (outcome) => attempts.filter((each) => each.outcome === outcome).length;
  const ends = attempts.map((each) => each.end);
  const [failed, running, interrupted] = [count("failed"), count("running"), count("interrupted")];
  const outcome = failed ? "failed" : running ? "running" : interrupted ? "interrupted" : "succeeded";
  const start = attempts.reduce((least, each) => Math.min(least, each.start), Infinity);
  const end = ends.includes(null) ? null : ends.reduce((most, each) => Math.max(most, each), -Infinity);
  return { start, end, failed, running, outcome };
}

const rankOf = (group) => ["failed", "running", "interrupted", "succeeded"].indexOf(group.outcome);

/** Return a duration as people read it: `340 ms`, `2.4 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours} h ${two(minutes % 60)} min` : `${minutes} min ${two(seconds % 60)} s`;
}
