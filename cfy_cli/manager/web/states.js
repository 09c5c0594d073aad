// The states of node instances as people read them: a word, a mark and a kind that chooses the colour.

const MARKS = { bad: "✕", warning: "!", running: "◐", stopped: "–", good: "✓", waiting: "○" };
const KINDS = Object.keys(MARKS); // the worst first
const RESTING = {
  started: "good", created: "stopped", configured: "stopped", stopped: "stopped", deleted: "waiting", uninitialized: "waiting",
};

/**
 * Return what to show for a node instance: `{kind, word}`.
 * An instance in the middle of a step is stuck when no execution runs that could finish the step.
 */
export function describeState(instance, isRunning = true) {
  const { state } = instance;
  const kind = RESTING[state];
  if (!kind) return isRunning ? { kind: "running", word: state } : { kind: "bad", word: `stuck ${state}` };
  if (kind === "good" && instance.is_status_check_ok === false) return { kind: "bad", word: "status check failed" };
  if (kind === "good" && instance.has_configuration_drift) return { kind: "warning", word: "drifted" };
  return { kind, word: state };
}

export const markOf = (kind) => MARKS[kind] ?? "";

/** Count instances by what is shown for them: `[{kind, word, count}]`, the worst first. */
export function countStates(instances, isRunning) {
  const counts = new Map();
  for (const instance of instances) {
    const { kind, word } = describeState(instance, isRunning);
    const known = counts.get(word);
    if (known) known.count += 1;
    else counts.set(word, { kind, word, count: 1 });
  }
  return [...counts.values()].sort((one, other) => rankOf(one.kind) - rankOf(other.kind) || other.count - one.count);
}

export const rankOf = (kind) => KINDS.indexOf(kind);

/** Sort instances so that those that need attention come first. */
export function byUrgency(instances, isRunning) {
  const rank = new Map(instances.map((each) => [each, rankOf(describeState(each, isRunning).kind)]));
  return [...instances].sort((one, other) => rank.get(one) - rank.get(other) || (one.index ?? 0) - (other.index ?? 0));
}

/** Return counts in words: `2 started, 1 starting`. */
export const wordsOf = (counts) => counts.map(({ count, word }) => `${count} ${word}`).join(", ");
