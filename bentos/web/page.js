// The page at `/`: one message at a time, one version or all of them.

import { champion, purpose } from "./about.js";
import { card } from "./answer.js";
import { call, timed } from "./api.js";
import { linked, offerCopies } from "./code.js";
import { $, attempt, element } from "./dom.js";
import { examples } from "./examples.js";
import { duration, joined, versionName } from "./format.js";
import { labels, setLabels } from "./labels.js";
import { showLog, startLog } from "./log.js";
import { startLogin } from "./login.js";
import { linesOf, loadLines, startMany } from "./many.js";

let versions = []; // as in /versions
const rowOf = (answer) => versions.find(({ model_version }) => model_version === answer.model_version);

async function showService() {
  const [about, served] = await Promise.all([call("/"), call("/versions")]);
  versions = served.versions;
  setLabels(versions);
  document.title = $("name").textContent = about.api_name;
  $("purpose").textContent = labels().length ? purpose(labels()) : "It reads text messages.";
  $("champion").replaceChildren(...champion(versions));
  $("examples").replaceChildren(...examples(labels(), use));
  $("examples").parentElement.hidden = !$("examples").children.length;
  $("you").textContent = `You are ${about.caller_id}; calls are kept in ${about.store.name}${about.store.up ? "" : ", which is away now"}.`;
  $("problems").hidden = !about.problems.length;
  $("problems-text").textContent = about.problems.join("; ");
  if (versions.some(({ mock }) => mock)) $("explain").checked = false; // it has no reasons
  $("explain").disabled = versions.some(({ mock }) => mock);
  offerVersions();
}

function offerVersions() {
  const chosen = $("version").value;
  const options = versions.map((version) =>
    element("option", { value: version.model_version, textContent: versionName(version) }),
  );
  $("version").replaceChildren(element("option", { value: "", textContent: "as routed" }), ...options);
  $("version").value = rowOf({ model_version: chosen }) ? chosen : "";
}

// Asks for the text's answer by `ask`, and shows it. Whatever goes wrong, no older answer stays.
async function show(path, ask) {
  if ($("answers").ariaBusy === "true") return;
  $("answers").ariaBusy = "true";
  $("answers").replaceChildren();
  $("take").hidden = true;
  const body = { text: $("text").value };
  if (linked() !== body.text) history.replaceState(null, "", "/"); // the address was another text's
  const fine = await attempt(async () => {
    if (!body.text.trim()) throw new Error("Write a message first: this one is blank.");
    $("answers").replaceChildren(...(await ask(body)));
    offerCopies(path, body);
    $("take").hidden = false;
  });
  $("answers").ariaBusy = "false";
  if (fine) await attempt(() => Promise.all([showService(), showLog()]));
}

function predict() {
  return show("/prediction", async (body) => {
    if ($("explain").checked) body.explain = true;
    if ($("version").value) body.model_version = $("version").value;
    const { answer, milliseconds } = await timed("/prediction", body);
    return [card(answer, { version: rowOf(answer), milliseconds })];
  });
}

function compare() {
  return show("/compare", async (body) => {
    const started = performance.now();
    const answers = $("explain").checked && versions.length ? await explained(body) : await compared(body);
    const usual = answers.find(({ answer }) => rowOf(answer)?.default)?.answer;
    const cards = answers.map(({ answer, milliseconds }) =>
      card(answer, { version: rowOf(answer), milliseconds, differs: difference(answer, usual), heading: "h3" }),
    );
    const time = ` In ${duration(performance.now() - started)}.`;
    return [element("h2", { textContent: agreement(answers) + time }), element("div", { className: "side-by-side" }, ...cards)];
  });
}

const compared = async (body) => (await call("/compare", body)).results.map((answer) => ({ answer }));

// `/compare` explains nothing: each version is asked by itself.
const explained = (body) =>
  Promise.all(
    versions.map(({ model_version }) => timed(`/versions/${model_version}/prediction`, { ...body, explain: true })),
  );

function difference(answer, usual) {
  if (!usual || answer.top.label === usual.top.label) return "";
  return `The champion, version ${usual.model_version}, says ${usual.top.label}.`;
}

// Which versions say what.
function agreement(answers) {
  const byLabel = Map.groupBy(answers, ({ answer }) => answer.top.label);
  if (byLabel.size === 1) {
    const who = ["The one version says", "Both versions say"][answers.length - 1] ?? `All ${answers.length} versions say`;
    return `${who} ${answers[0].answer.top.label}.`;
  }
  const told = [...byLabel].map(([label, group]) => {
    const numbers = joined(group.map(({ answer }) => answer.model_version));
    return `${group.length > 1 ? `versions ${numbers} say` : `version ${numbers} says`} ${label}`;
  });
  return `They disagree: ${told.join("; ")}.`;
}

function use(text) {
  $("text").value = text;
  offerLines();
  return predict();
}

function offerLines() {
  const count = linesOf($("text").value).length;
  $("each-line").hidden = count < 2;
  $("each-line").textContent = `Predict each of ${count} lines`;
}

// Shows the service, and the answer to the text in the page's address. The text goes behind the #, where no log has it.
async function start() {
  const text = linked();
  if (!(await attempt(showService)) || !text) return;
  history.replaceState(null, "", `/#text=${encodeURIComponent(text)}`);
  await use(text);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
$("compare").addEventListener("click", compare);
$("text").addEventListener("input", offerLines);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
});
$("each-line").addEventListener("click", () => attempt(() => loadLines(linesOf($("text").value))));
addEventListener("hashchange", start);
startLogin(start);
startLog();
startMany(() => $("version").value, () => attempt(showLog));
offerLines(); // the browser may have kept what was in the field
start();
