// The page at `/review`: answered messages that a person is asked about, one at a time, by mouse or keyboard.

import { why } from "./answer.js";
import { ServiceError, call } from "./api.js";
import { $, attempt, element } from "./dom.js";
import { joined, probability, whole } from "./format.js";
import { chip, setLabels } from "./labels.js";
import { startLogin } from "./login.js";

const FEW = 5; // questions left, at which more are asked for
const GONE = ["already_decided", "unknown_id"]; // why a question is no longer to be asked
const TAKEN = ["k", "u", "w"]; // keys of the page's own buttons
const REASONS = {
  random: "drawn by chance",
  threshold: "near the threshold",
  shadow: "the shadow differs",
  unfamiliar: "unlike all learnt",
};

let labels = [];
let keys = new Map(); // key -> label
let questions = []; // the first one is shown
let waiting = {}; // how many, by reason
let decisions = []; // of this page, the last one last: {question, answer}
let busy = false;

// One action at a time: a key that is pressed meanwhile does nothing.
async function act(action) {
  if (busy) return;
  busy = true;
  await attempt(action);
  busy = false;
}

async function load() {
  const chosen = $("reason").value;
  const review = await call(`/review${chosen ? `?reason=${chosen}` : ""}`);
  const known = new Set(questions.map(({ id }) => id));
  questions.push(...review.questions.filter(({ id }) => !known.has(id)));
  if (review.labels.join() !== labels.join()) offer(review.labels);
  waiting = review.counts.waiting ?? {};
  $("dropped").hidden = !review.random_dropped;
  $("dropped").textContent = `${whole(review.random_dropped)} calls drawn by chance could not be kept: what is estimated from the others is not of all calls.`;
  $("shown").hidden = false;
  show();
}

// How many wait, one of `reason` more or fewer than before.
function count(reason, change) {
  waiting[reason] = Math.max(0, (waiting[reason] ?? 0) + change);
}

function tell() {
  const each = Object.entries(waiting).filter(([, many]) => many);
  $("waiting").textContent = each.length ? `Waiting: ${joined(each.map(([reason, many]) => `${whole(many)} ${REASONS[reason]}`))}.` : "";
}

// A button for each label, with the key of its first letter, or else of its place.
function offer(offered) {
  labels = offered;
  setLabels([{ labels }]);
  keys = new Map();
  labels.forEach((label, place) => {
    const letter = label[0].toLowerCase();
    keys.set(keys.has(letter) || TAKEN.includes(letter) ? String(place + 1) : letter, label);
  });
  $("choices").replaceChildren(
    ...[...keys].map(([key, label]) => {
      const made = element("button", { type: "button" }, chip(label), " ", element("kbd", { textContent: key }));
      made.addEventListener("click", () => act(() => decide({ action: "label", label })));
      return made;
    }),
  );
}

function show() {
  tell();
  const [question] = questions;
  $("question").className = question ? "" : "nothing";
  $("text").textContent = question ? question.text : "Nothing waits.";
  $("about").textContent = question
    ? `Why it is here: ${REASONS[question.reason]}. Sent ${new Date(question.called_at).toLocaleString()}.`
    : "New questions come as calls are answered.";
  for (const made of [...$("choices").children, $("skip")]) made.disabled = !question;
  $("undo").disabled = !decisions.length;
  $("why").disabled = decisions.at(-1)?.answer.state !== "labelled";
}

// Sends what was decided on the question that is shown. One that another reviewer has decided on meanwhile is passed over.
async function decide(decision) {
  const [question] = questions;
  if (!question) return;
  try {
    const answer = await call(`/review/${question.id}`, decision);
    decisions.push({ question, answer });
    showLast();
  } catch (error) {
    if (!(error instanceof ServiceError && GONE.includes(error.reason))) throw error;
    $("last").replaceChildren(element("p", { className: "source", textContent: `Passed over: ${error.message}.` }));
  }
  count(question.reason, -1);
  questions = questions.filter(({ id }) => id !== question.id);
  if (questions.length < FEW) await load();
  else show();
}

async function undo() {
  const last = decisions.at(-1);
  if (!last) return;
  await call(`/review/${last.question.id}`, { action: "undo" });
  decisions.pop();
  count(last.question.reason, 1);
  questions = [last.question, ...questions.filter(({ id }) => id !== last.question.id)];
  $("last").replaceChildren(element("p", { className: "source", textContent: "Taken back: the message is above again." }));
  show();
}

async function explain() {
  const last = decisions.at(-1);
  if (last?.answer.state !== "labelled") return;
  const { explanation, predicted } = await call(`/review/${last.question.id}/why`);
  const prediction = Object.fromEntries(labels.map((label) => [label, 0]));
  showLast(...why({ explanation, top: predicted, prediction }));
}

function showLast(...more) {
  const { question, answer } = decisions.at(-1);
  const parts = [element("h2", { textContent: "Your last decision" }), element("p", { className: "input last", textContent: question.text })];
  if (answer.state === "labelled") {
    const { predicted, model_version } = answer;
    const differs = predicted.label !== answer.label;
    parts.push(
      element("p", {}, "You said ", chip(answer.label), `; version ${model_version} had said `, chip(predicted.label), ` (${probability(predicted.value)}).`),
    );
    if (differs) parts.push(element("p", { className: "remark" }, element("b", { textContent: "differs" }), " It goes the way of a correction."));
  } else parts.push(element("p", { textContent: "You skipped it: nobody is asked any more." }));
  $("last").replaceChildren(...parts, ...more);
}

function pressed(event) {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (!$("keys").checked || typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || $("shown").hidden) return;
  const key = event.key.toLowerCase();
  const label = keys.get(key);
  const action = label
    ? () => decide({ action: "label", label })
    : { k: () => decide({ action: "skip" }), u: undo, w: explain }[key];
  if (!action) return;
  event.preventDefault();
  act(action);
}

function start() {
  questions = [];
  return act(load);
}

$("skip").addEventListener("click", () => act(() => decide({ action: "skip" })));
$("undo").addEventListener("click", () => act(undo));
$("why").addEventListener("click", () => act(explain));
$("again").addEventListener("click", start);
$("reason").addEventListener("change", start);
document.addEventListener("keydown", pressed);
startLogin(start);
start();
