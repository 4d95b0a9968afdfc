// One answer as a card: verdict, probabilities, the words that decided, and where it came from.

import { aside, element } from "./dom.js";
import { corrections } from "./feedback.js";
import { inShort } from "./figures.js";
import { duration, probability, versionName } from "./format.js";
import { chip, tone } from "./labels.js";

const MARKED = 0.1; // log-odds; a weaker word is not marked
const STRONG = 1;
const REMARKS = {
  unsure: "The version is not sure: a person should look.",
  unfamiliar: "This text is unlike all that the version has learnt.",
  corrected: "You have corrected this text: the label is yours, and no model answers.",
  mock: "A stand-in model answers: its label means nothing.",
};

// `version` is the answer's row of /versions. `differs` says how the answer is another than the champion's; empty where
// it is not. `heading` is the tag of the card's heading.
export function card(answer, { version = answer, milliseconds, differs = "", heading = "h2" }) {
  const { top } = answer;
  const parts = [
    element("p", { className: "source", textContent: `Version ${versionName(version)}` }),
    element(heading, { className: "verdict" }, chip(top.label), " ", element("span", { textContent: probability(top.value) })),
    ...remarks(answer, differs),
    bars(answer.prediction),
    ...why(answer),
    element("p", { className: "source", textContent: origin(answer, version, milliseconds) }),
  ];
  if (answer.id) parts.push(corrections(answer));
  return element("article", { className: differs ? "differs" : "" }, ...parts);
}

function origin({ from_cache }, version, milliseconds) {
  const time = milliseconds === undefined ? "" : ` in ${duration(milliseconds)}`;
  const answered = from_cache || time ? `Answered${from_cache ? " from the cache" : ""}${time}. ` : "";
  const figures = inShort(version);
  return `${answered}${figures && `Of test messages: ${figures}.`}`;
}

// Why the label on top should not be taken as it is: a word and its sentence for each reason.
function remarks({ top, verdict, unfamiliar, source, mock }, differs) {
  const reasons = { unsure: verdict !== top.label, unfamiliar, corrected: source === "correction", mock };
  const told = Object.keys(REMARKS).filter((reason) => reasons[reason]).map((reason) => [reason, REMARKS[reason]]);
  if (differs) told.push(["differs", differs]);
  return told.map(([word, sentence]) =>
    element("p", { className: "remark" }, element("b", { textContent: word }), ` ${sentence}`),
  );
}

function bars(prediction) {
  const rows = Object.entries(prediction).flatMap(([label, value]) => [
    chip(label),
    element("progress", { value, max: 1, ariaLabel: `probability of ${label}`, className: tone(label) }),
    element("span", { textContent: probability(value) }),
  ]);
  return element("div", { className: "bars" }, ...rows);
}

// The text with each word marked by the label that it speaks for, whichever label was answered; and the legend.
export function why({ explanation, top, prediction }) {
  if (!explanation) return [];
  const others = Object.keys(prediction).filter((label) => label !== top.label);
  const against = others.length === 1 ? others[0] : `not ${top.label}`;
  const words = explanation.flatMap(({ words, weight }) => [word(words, weight, weight > 0 ? top.label : against), " "]);
  const key = [top.label, against].sort().map((label) => element("mark", { className: tone(label), textContent: label }));
  const legend = [
    "Words that speak for ",
    key[0],
    " or for ",
    key[1],
    "; ",
    element("strong", { textContent: "bold" }),
    " ones decide most.",
  ];
  return [element("p", { className: "why" }, ...words), element("p", { className: "legend" }, ...legend)];
}

function word(textContent, weight, label) {
  if (Math.abs(weight) < MARKED) return element("span", { textContent });
  const strength = Math.abs(weight) >= STRONG ? "strong" : "";
  const title = `speaks for ${label}: ${Math.abs(weight).toFixed(2)}`;
  return element("mark", { className: `${tone(label)} ${strength}`, title, textContent }, aside(` (${label})`));
}
