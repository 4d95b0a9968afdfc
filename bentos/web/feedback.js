// Corrections: the right label of an answer. One is sent some seconds after the click, and can be undone until then.

import { call } from "./api.js";
import { attempt, button, element } from "./dom.js";

const SECONDS_TO_UNDO = 6;
const waiting = new Set(); // what sends each correction that can still be undone

export function corrections(answer) {
  const place = element("p", { className: "correct" });
  place.role = "status";
  ask(answer, place);
  return place;
}

function ask(answer, place) {
  const unsure = answer.verdict !== answer.top.label;
  const labels = Object.keys(answer.prediction).filter((label) => unsure || label !== answer.top.label);
  const buttons = labels.map((label) => button(label, () => note(answer, label, place)));
  place.replaceChildren(unsure ? "Do you know? It is" : "Wrong? It is", ...buttons);
}

function note(answer, label, place) {
  const post = async () => {
    clearTimeout(timer);
    waiting.delete(post);
    // `keepalive`: it arrives although the page is being left
    const sent = await attempt(() => call("/feedback", { id: answer.id, label }, { keepalive: true }));
    if (sent) place.replaceChildren(`Thank you: noted as ${label}.`);
    else ask(answer, place);
  };
  const timer = setTimeout(post, SECONDS_TO_UNDO * 1000);
  waiting.add(post);
  const undo = button("Undo", () => {
    clearTimeout(timer);
    waiting.delete(post);
    ask(answer, place);
    place.querySelector("button").focus();
  });
  place.replaceChildren(`It will be noted as ${label} in ${SECONDS_TO_UNDO} seconds.`, undo);
  undo.focus();
}

addEventListener("pagehide", () => waiting.forEach((post) => post()));
