// What the service does and what its champion is good at, in sentences.

import { element } from "./dom.js";
import { bySource, measured, positiveOf } from "./figures.js";
import { joined, share, versionName } from "./format.js";

const SHIPPED = "source.sms.caught"; // measured of versions that learnt from the corpora of this project

export function purpose(labels) {
  const choices = joined(labels.map((label) => MEANINGS[label] ?? label), "or");
  return `It reads a text message and says what it is: ${choices}, how sure it is, and why.`;
}

const MEANINGS = { spam: "spam (unwanted, or a fraud)", ham: "ham (a message that you want)" };

// Sentences on the version that answers calls which name none.
export function champion(versions) {
  const version = versions.find((one) => one.default);
  if (!version) return [];
  if (version.mock) return [warning("A stand-in model answers: its labels mean nothing.")];
  const sentences = [element("p", { textContent: `${name(version)}${goodAt(version)}` })];
  sentences.push(element("p", { textContent: limits(version) }));
  return version.stand_in ? [...sentences, warning(standIn(version))] : sentences;
}

const warning = (textContent) => element("p", { className: "warning", textContent });
const name = ({ model_version, variant }) => `The champion is version ${versionName({ model_version, variant })}`;
const standIn = ({ stand_in }) =>
  `It was trained on a stand-in for the corpus (${stand_in}): its figures compare with no others.`;

function goodAt(version) {
  const rows = measured(version);
  if (!rows.length) return ".";
  const told = rows.map(({ name, caught, blocked }, at) =>
    at === 0
      ? `it catches ${share(caught)} of the ${positiveOf(version)} and blocks ${share(blocked)} of the rest${name ? ` in the corpus ${name}` : ""}`
      : `${share(caught)} and ${share(blocked)} in ${name}`,
  );
  return `: of test messages that it did not learn from, ${told.join("; ")}.`;
}

function limits(version) {
  const outside = bySource(version).find((row) => !row.twins && row.caught !== undefined);
  const others = outside
    ? `Of ${positiveOf(version)} from elsewhere, unlike all that it learnt, it catches ${share(outside.caught)}. `
    : "";
  const known = SHIPPED in (version.metrics ?? {})
    ? "It knows English text messages only, and sees one message, not the conversation before it"
    : "It knows only messages like those that it learnt from";
  return `${others}${known}: look at what it blocks before you throw it away.`;
}
