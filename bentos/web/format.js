// Numbers and times as a person reads them. A number and its unit stay on one line.

const NBSP = "\u00a0";
const percent = (value) => `${value}${NBSP}%`;

// A probability, 0 to 1. A model is never wholly sure, so none is shown as 0 or 100 %.
export function probability(value) {
  if (value > 0.999) return `>${NBSP}${percent("99.9")}`;
  return value < 0.001 ? `<${NBSP}${percent("0.1")}` : percent((100 * value).toFixed(1));
}

// A share that was counted, 0 to 1: none and all are said as such.
export function share(value) {
  return value === 0 || value === 1 ? percent(100 * value) : probability(value);
}

export const whole = (number) => number.toLocaleString("en");

export function duration(milliseconds) {
  if (milliseconds < 1) return `< 1${NBSP}ms`;
  return milliseconds < 1000 ? `${Math.round(milliseconds)}${NBSP}ms` : `${(milliseconds / 1000).toFixed(1)}${NBSP}s`;
}

// A version as it is named in a sentence: number, variant and aliases.
export function versionName({ model_version, variant, aliases = [] }) {
  const names = [...new Set([variant, ...aliases])].filter(Boolean);
  return names.length ? `${model_version} (${names.join(", ")})` : model_version;
}

export const joined = (words, last = "and") =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
