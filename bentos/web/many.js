// Many messages: the lines of the text field, or a column of a table, predicted one list after the other.

import { refusal, sendAll } from "./batch.js";
import { TableError, read, write } from "./csv.js";
import { $, attempt, element } from "./dom.js";
import { save } from "./download.js";
import { duration, joined, probability, whole } from "./format.js";
import { chip } from "./labels.js";

const MAX_FILE = 50 * 1024 * 1024; // bytes
const SHOWN = 20; // results in the page; the download has all
const TEXT_COLUMNS = /^(text|message|sms|body|content)s?$/i;
const NEW_COLUMNS = ["predicted_label", "predicted_verdict", "probability", "unfamiliar", "model_version", "problem"];

let table = null; // {name, records}, as loaded
let outcome = null; // {name, head, rows, results} of the last run; a result is an answer, or the problem why there is none
let stop = null; // ends the run that goes on; null where none does

// `chosenVersion()` is the version to ask, empty for any; `after` is called when a run has ended.
export function startMany(chosenVersion, after) {
  $("file").addEventListener("change", () => attempt(() => loadFile($("file").files[0])));
  $("header").addEventListener("change", () => offerColumns($("column").selectedIndex));
  $("run").addEventListener("click", () => attempt(() => run(chosenVersion()).finally(after)));
  $("cancel").addEventListener("click", () => stop?.abort());
  $("download").addEventListener("click", download);
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    $("many").classList.add("dropping");
  });
  addEventListener("dragleave", (event) => event.relatedTarget ?? $("many").classList.remove("dropping"));
  addEventListener("drop", (event) => {
    $("many").classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    attempt(() => loadFile(event.dataTransfer.files[0]));
  });
}

// The lines of a text that have something in them.
export const linesOf = (text) => text.split(/\r\n|\r|\n/).filter((line) => line.trim());

export function loadLines(lines) {
  load("lines", [["text"], ...lines.map((line) => [line])], true);
  $("header").parentElement.hidden = true;
  $("many").scrollIntoView();
  $("run").focus();
}

async function loadFile(file) {
  if (!file) return;
  if (file.size > MAX_FILE) throw new TableError(`${file.name} is larger than ${MAX_FILE / 1024 / 1024} MiB: cut it into parts`);
  const text = await decoded(file);
  const records = /\.txt$/i.test(file.name) ? linesOf(text).map((line) => [line]) : read(text);
  if (!records.length) throw new TableError(`${file.name} is empty`);
  load(file.name.replace(/\.[^.]*$/, ""), records, records[0].some((name) => TEXT_COLUMNS.test(name.trim())));
}

async function decoded(file) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new TableError(`${file.name} is not UTF-8: save it as "CSV UTF-8"`);
  }
}

function load(name, records, header) {
  if (stop) throw new Error("Messages are being predicted: cancel that first.");
  table = { name, records };
  $("header").checked = header;
  $("header").parentElement.hidden = false;
  const named = header ? records[0].findIndex((column) => TEXT_COLUMNS.test(column.trim())) : -1;
  offerColumns(named < 0 ? longestColumn(records) : named);
  $("table").hidden = false;
  $("progress").hidden = true;
  $("outcome").hidden = true;
}

// The column with the most text in its first records.
function longestColumn(records) {
  const lengths = records[0].map((_, column) =>
    records.slice(0, 100).reduce((total, record) => total + record[column].length, 0),
  );
  return lengths.indexOf(Math.max(...lengths));
}

const rows = () => table.records.slice($("header").checked ? 1 : 0);
const head = () => table.records[0].map((name, at) => ($("header").checked && name) || `column ${at + 1}`);

function offerColumns(chosen) {
  const names = head();
  $("column").replaceChildren(...names.map((textContent, value) => element("option", { value, textContent })));
  $("column").selectedIndex = chosen;
  $("column").closest("label").hidden = names.length < 2;
  $("run").textContent = `Predict ${whole(rows().length)} messages`;
}

async function run(version) {
  const texts = rows().map((record) => record[$("column").selectedIndex]);
  const results = texts.map((text) => ({ problem: refusal(text) }));
  outcome = { name: table.name, head: head(), rows: rows(), results };
  const open = results.filter(({ problem }) => !problem);
  const sent = texts.filter((_, at) => !results[at].problem);
  stop = new AbortController();
  const { signal } = stop;
  const started = performance.now();
  let done = 0;
  begin(sent.length);
  try {
    await sendAll(sent, version, {
      signal,
      onAnswers(answers) {
        answers.forEach((answer, at) => Object.assign(open[done + at], answer));
        done += answers.length;
        $("bar").value = done;
        say(`${whole(done)} of ${whole(sent.length)} messages, ${duration(performance.now() - started)}`);
      },
      onWait: (seconds) => say(`${whole(done)} of ${whole(sent.length)}: the service asks to wait ${duration(1000 * seconds)}.`),
    });
    say(`${whole(done)} messages in ${duration(performance.now() - started)}.`);
  } catch (error) {
    if (!signal.aborted) throw error;
    say(`Cancelled after ${whole(done)} of ${whole(sent.length)} messages.`);
  } finally {
    open.slice(done).forEach((result) => (result.problem = "not predicted"));
    stop = null;
    end(texts, results);
  }
}

const say = (text) => ($("state").textContent = text);

function begin(count) {
  $("bar").max = Math.max(count, 1);
  $("bar").value = 0;
  say(`0 of ${whole(count)} messages`);
  $("progress").hidden = false;
  $("outcome").hidden = true;
  $("run").disabled = true;
  $("cancel").hidden = false;
  $("cancel").focus();
}

function end(texts, results) {
  $("run").disabled = false;
  $("cancel").hidden = true;
  $("counts").replaceChildren(...counts(results));
  const newest = results.slice(0, SHOWN).map((result, at) => line(texts[at], result));
  $("lines").replaceChildren(...newest);
  $("more").textContent = results.length > SHOWN ? `The first ${SHOWN} of ${whole(results.length)}; the file has all.` : "";
  $("outcome").hidden = false;
  $("download").focus();
}

// How many messages got each label, how many are unsure, and how many got none.
function counts(results) {
  const byLabel = Map.groupBy(results.filter(({ top }) => top), ({ top }) => top.label);
  const chips = [...byLabel].flatMap(([label, answers]) => [chip(label), ` ${whole(answers.length)} `]);
  const unsure = results.filter(({ top, verdict }) => top && verdict !== top.label).length;
  const problems = results.filter(({ problem }) => problem).length;
  const rest = [unsure && `${whole(unsure)} of them unsure`, problems && `${whole(problems)} not predicted`].filter(Boolean);
  return [...chips, joined(rest)];
}

function line(text, { top, verdict, problem }) {
  const told = problem ? [element("b", { textContent: problem })] : [chip(top.label), ` ${probability(top.value)}`];
  if (top && verdict !== top.label) told.push(element("b", { textContent: "unsure" }));
  return element("li", {}, element("p", { className: "input", textContent: text }), element("p", { className: "source" }, ...told));
}

function download() {
  const { name, head, rows, results } = outcome;
  const records = rows.map((record, at) => [...record, ...added(results[at])]);
  save(new Blob([write([[...head, ...NEW_COLUMNS], ...records])], { type: "text/csv" }), `${name}-predicted.csv`);
}

function added({ top, verdict, unfamiliar, model_version, problem }) {
  return [top?.label ?? "", verdict ?? "", String(top?.value ?? ""), unfamiliar ? "true" : "", model_version ?? "", problem];
}
