// The schedules of executions: what runs when.

import { get, patch, remove } from "../api.js";
import { confirm } from "../forms/dialog.js";
import { element, link } from "../dom.js";
import { LiveList, searchField } from "../lists.js";
import { openPanel } from "../forms/panel.js";
import { button, details, empty, problem, state, table, time, value } from "../parts.js";
import { address } from "../router.js";
import { may } from "../session.js";

const FIELDS = "id,deployment_id,workflow_id,next_occurrence,since,until,rule,enabled,stop_on_fail,latest_execution_status,created_by";
const SHOWN_OCCURRENCES = 20;
const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export async function show(place) {
  const list = new LiveList(place, {
    load: ({ search, deployment }, page, options) => get(["execution-schedules"], {
      ...page, _include: FIELDS, _search: search, deployment_id: deployment, _sort: "next_occurrence",
    }, options),
    render: (items, filters) => render(items, filters, list),
  });
  await list.start();
  return [
    element("div", { class: "heading" }, element("h1", {}, "Schedules")),
    element("div", { class: "filters" }, searchField(list, "Search schedules")), list.failure, list.element,
  ];
}

function render(items, { search, deployment }, list) {
  if (!items.length) {
    return search || deployment ? empty("No schedule matches.")
      : empty("There is no schedule yet.", ["Create one: ", element("code", {}, "cfy deployments schedule create DEPLOYMENT WORKFLOW --since +1h --recurrence 1d")]);
  }
  return table("Schedules, the next ones first", [
    ["Schedule", (each) => button(each.id, () => openSchedule(each), { class: "link", title: "Show its next occurrences" })],
    ["Deployment", (each) => link(address(["deployments", each.deployment_id]), each.deployment_id)],
    ["Workflow", (each) => each.workflow_id],
    ["Next", (each) => showNext(each)],
    ["Repeats", (each) => describeRule(each.rule)],
    ["Last one", (each) => (each.latest_execution_status ? state(each.latest_execution_status) : "–")],
    ...(may("execution_schedule_create") ? [["Change", (each) => actionsOf(each, list)]] : []),
  ], items);
}

function showNext({ enabled, next_occurrence: next }) {
  if (!enabled) return element("span", { class: "quiet" }, "disabled");
  return next ? element("span", {}, time(next), element("span", { class: "sub" }, FORMAT.format(new Date(next)))) : element("span", { class: "quiet" }, "none left");
}

function actionsOf(schedule, list) {
  const { id, deployment_id: deployment, enabled } = schedule;
  const parts = ["execution-schedules", id];
  const turn = async () => {
    try {
      await patch(parts, { enabled: !enabled }, { deployment_id: deployment });
      await list.set({});
    } catch (error) {
      list.failure.replaceChildren(problem(error));
    }
  };
  const ask = () => confirm({
    title: `Delete the schedule ${id}?`, text: `${schedule.workflow_id} on ${deployment} will not be started by it any more.`, submit: "Delete the schedule",
    onSubmit: async () => {
      await remove(parts, { deployment_id: deployment });
      list.set({});
    },
  });
  return element("div", { class: "actions" },
    button(enabled ? "Disable" : "Enable", turn, { "aria-label": `${enabled ? "Disable" : "Enable"} ${id}` }),
    button("Delete…", ask, { class: "danger", "aria-label": `Delete ${id}` }));
}

/** Return in words how often a schedule repeats. */
function describeRule(rule) {
  const { recurrence, count, weekdays, rrule } = rule ?? {};
  if (rrule) return element("code", {}, rrule);
  if (count === 1 || !recurrence) return "once";
  const days = weekdays?.length ? `, on ${weekdays.join(", ")}` : "";
  return `every ${recurrence.replace(/^1 (\w+?)s?$/, "$1")}${days}${count ? `, ${count} times` : ""}`;
}

async function openSchedule({ id, deployment_id: deployment }) {
  const content = element("div", {}, element("p", { class: "hint" }, "Loading…"));
  openPanel(id, content);
  try {
    const schedule = await get(["execution-schedules", id], { deployment_id: deployment });
    content.replaceChildren(...describe(schedule));
  } catch (error) {
    content.replaceChildren(problem(error));
  }
}

function describe(schedule) {
  const next = (schedule.all_next_occurrences ?? []).slice(0, SHOWN_OCCURRENCES).map((text) => new Date(`${text.replace(" ", "T")}Z`));
  const parameters = Object.entries(schedule.parameters ?? {});
  return [
    details([
      ["Deployment", link(address(["deployments", schedule.deployment_id]), schedule.deployment_id)], ["Workflow", schedule.workflow_id],
      ["Repeats", describeRule(schedule.rule)], ["Since", time(schedule.since)], ["Until", schedule.until && time(schedule.until)],
      ["Enabled", schedule.enabled ? "yes" : "no"], ["After a failure", schedule.stop_on_fail ? "it is disabled" : "it goes on"],
      ["Parameters", parameters.length ? details(parameters.map(([name, each]) => [name, value(each)])) : null], ["Created by", schedule.created_by],
    ]),
    element("h3", {}, "Next occurrences"),
    next.length ? element("ol", {}, next.map((each) => element("li", {}, FORMAT.format(each)))) : element("p", { class: "hint" }, "None is left."),
  ];
}
