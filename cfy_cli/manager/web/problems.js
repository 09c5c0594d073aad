// What is wrong with a deployment now: the failures of its newest execution, and node instances that need attention.

import { describeState } from "./states.js";

const MAX_NAMED = 3; // node instances that a sentence names

/** Remove the line ends that the output of scripts leaves before closing quotes. */
export const tidy = (error) => error.trim().replace(/\s+`$/, "`");

/** Return [{key, text, reason, execution, instance}], the most urgent first. */
export function problemsOf(instances, executions, isRunning) {
  const problems = [];
  const [newest] = executions;
  if (newest?.status === "failed") {
    problems.push({ key: newest.id, text: `${newest.workflow_id} failed`, reason: newest.error && tidy(newest.error), execution: newest.id });
  }
  const ofWord = new Map();
  for (const instance of instances) {
    const { kind, word } = describeState(instance, isRunning);
    if (kind === "bad" || kind === "warning") ofWord.set(word, [...(ofWord.get(word) ?? []), instance]);
  }
  for (const [word, bad] of ofWord) {
    const names = bad.slice(0, MAX_NAMED).map((each) => each.id).join(", ");
    const text = bad.length > MAX_NAMED ? `${names} and ${bad.length - MAX_NAMED} more: ${word}` : `${names}: ${word}`;
    problems.push({ key: text, text, instance: bad[0] });
  }
  return problems;
}
