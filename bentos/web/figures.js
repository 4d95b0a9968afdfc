// The figures of versions, from the metrics in `/versions`: their names in words, and which of two is better.

import { share } from "./format.js";

const CAUGHT = /^([^.]+)_caught$/; // `spam_caught`: of the main corpus's test messages
const BLOCKED = /^([^.]+)_blocked$/;
const SOURCE = /^source\.(.+?)(\.without_twins)?\.(caught|blocked)$/;
const points = (value) => (100 * value).toFixed(1);
const decimals = (value) => value.toFixed(3);

const named = (metrics, pattern) => Object.keys(metrics).find((name) => pattern.test(name));

// The label to catch; undefined where it cannot be known.
export function positiveOf({ metrics = {}, labels }) {
  const name = named(metrics, CAUGHT);
  return name ? CAUGHT.exec(name)[1] : labels.find((label) => label === "spam");
}

// What is caught and blocked of the main corpus, null where it was not measured.
export function mainFigures({ metrics = {} }) {
  return { caught: metrics[named(metrics, CAUGHT)] ?? null, blocked: metrics[named(metrics, BLOCKED)] ?? null };
}

// What is caught and blocked of the test messages of each corpus that the version could learn from; of the main corpus
// alone, without a name, where that was not measured corpus by corpus.
export function measured(version) {
  const whole = ({ caught, blocked }) => Number.isFinite(caught) && Number.isFinite(blocked);
  const sources = bySource(version);
  const outside = sources.filter(({ twins }) => !twins).map(({ name }) => name);
  const own = sources.filter((source) => whole(source) && !outside.includes(source.name));
  return own.length ? own : [mainFigures(version)].filter(whole);
}

// In a few words; empty where nothing was measured.
export function inShort(version) {
  const told = measured(version).map(({ name, caught, blocked }) => {
    return `${name ? `${name}: ` : ""}caught ${share(caught)}, blocked ${share(blocked)}`;
  });
  return told.join("; ");
}

// Each corpus with what is caught and blocked of it: {name, twins, caught, blocked}, `twins` false where near-twins of
// messages that the version learnt from are left out.
export function bySource({ metrics = {} }) {
  const rows = new Map();
  for (const [metric, value] of Object.entries(metrics)) {
    const [, name, without, what] = SOURCE.exec(metric) ?? [];
    if (!name) continue;
    const row = rows.get(name + without) ?? { name, twins: !without };
    rows.set(name + without, { ...row, [what]: value });
  }
  return [...rows.values()];
}

// How a metric is shown: its words, whether more is better, its value and a difference as text; null for the others.
export function describe(metric) {
  const [, source, without, what] = SOURCE.exec(metric) ?? [];
  if (source) {
    const words = `corpus ${source}${without ? ", without near-twins" : ""}: ${what}`;
    return { words, more: what === "caught", value: share, difference: points };
  }
  if (CAUGHT.test(metric)) return { words: `${CAUGHT.exec(metric)[1]} caught`, more: true, value: share, difference: points };
  if (BLOCKED.test(metric)) return { words: `${BLOCKED.exec(metric)[1]} blocked`, more: false, value: share, difference: points };
  if (metric.startsWith("behaviour.")) {
    const words = `behaviour: ${metric.slice(10).replaceAll("_", " ")}`;
    return { words, more: true, value: share, difference: points };
  }
  return OTHERS[metric] ?? null;
}

const OTHERS = {
  mcc: { words: "MCC", more: true, value: decimals, difference: decimals },
  average_precision: { words: "average precision", more: true, value: decimals, difference: decimals },
  ece: { words: "calibration error", more: false, value: share, difference: points },
};

// The metrics to show of several versions, in the order of the first that has them.
export function shown(versions) {
  const names = new Set(versions.flatMap(({ metrics = {} }) => Object.keys(metrics)));
  const rank = (metric) => (CAUGHT.test(metric) ? 0 : BLOCKED.test(metric) ? 1 : metric in OTHERS ? 2 : 3);
  return [...names].filter(describe).sort((one, other) => rank(one) - rank(other));
}
