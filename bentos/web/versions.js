// The page at `/versions`: the served versions side by side, how calls are routed, and the state of store and registry.

import { call } from "./api.js";
import { $, aside, attempt, element } from "./dom.js";
import { saveWithKey } from "./download.js";
import { describe, shown } from "./figures.js";
import { joined } from "./format.js";
import { chip, setLabels } from "./labels.js";
import { startLogin } from "./login.js";

const DIGITS = 8; // of a digest

async function show() {
  const [about, served] = await Promise.all([call("/"), call("/versions")]);
  setLabels(served.versions);
  document.title = `Versions of ${about.api_name}`;
  $("problems").replaceChildren(...problems(about));
  const names = served.versions.map(({ model_version }) => element("th", { scope: "col", textContent: model_version }));
  $("heads").replaceChildren(element("tr", {}, element("th", { scope: "col", textContent: "Version" }), ...names));
  $("rows").replaceChildren(...facts(served.versions), ...figures(served.versions));
  $("state").replaceChildren(...state(about, served).flatMap(([term, told]) => [element("dt", { textContent: term }), element("dd", {}, told)]));
  $("looked").textContent = `as of ${new Date().toLocaleTimeString()}`;
  $("shown").hidden = false;
}

function problems({ problems }) {
  if (!problems.length) return [element("p", { textContent: "All is well." })];
  return problems.map((textContent) => element("p", { className: "warning", textContent }));
}

const row = (name, cells) => element("tr", {}, element("th", { scope: "row", textContent: name }), ...cells);

// What the versions are. A line that would be empty is left out.
function facts(versions) {
  const lines = {
    variant: ({ variant }) => variant,
    aliases: ({ aliases }) => joined(aliases),
    labels: ({ labels }) => element("span", {}, ...labels.flatMap((label) => [chip(label), " "])),
    made: ({ created_at }) => created_at?.slice(0, "2030-01-31".length),
    digest: ({ digest }) => digest && digest.slice(0, DIGITS),
    report,
    warning: ({ stand_in, mock, source_problem }) =>
      joined([stand_in && `trained on a stand-in: ${stand_in}`, mock && "a stand-in model: its labels mean nothing", source_problem].filter(Boolean)),
  };
  return Object.entries(lines).flatMap(([name, tell]) => {
    const told = versions.map((version) => tell(version) || "");
    return told.some(Boolean) ? [row(name, told.map((one) => element("td", {}, one)))] : [];
  });
}

function report({ report: path, model_version }) {
  if (!path) return "";
  const link = element("a", { href: path, textContent: "report", ariaLabel: `report of version ${model_version}` });
  saveWithKey(link, `version-${model_version}.html`);
  return link;
}

function figures(versions) {
  const usual = versions.find((version) => version.default);
  return shown(versions).map((metric) => {
    const { words, more } = describe(metric);
    const values = versions.map(({ metrics }) => metrics?.[metric]).filter((value) => value !== undefined);
    const best = more ? Math.max(...values) : Math.min(...values);
    return row(words, versions.map((version) => figure(metric, version, usual, values.length > 1 ? best : null)));
  });
}

function figure(metric, { metrics }, usual, best) {
  const value = metrics?.[metric];
  if (value === undefined) return element("td", { textContent: "not measured" });
  const { value: told, more, difference } = describe(metric);
  const cell = element("td", { className: value === best ? "best" : "", textContent: told(value) });
  if (value === best) cell.append(aside(" (best)"));
  const change = value - (usual?.metrics?.[metric] ?? value);
  if (difference(Math.abs(change)) !== difference(0)) {
    const better = change > 0 === more;
    const sign = change > 0 ? "+" : "−";
    cell.append(element("small", { textContent: `${sign}${difference(Math.abs(change))} ${better ? "▲ better" : "▼ worse"}` }));
  }
  return cell;
}

// Pairs of a term and what is said of it.
function state(about, { versions, refused, routing, registry }) {
  const { store } = about;
  const waiting = store.spooled ? `; ${store.spooled} rows wait for it` : "";
  const pairs = [
    ["Calls that name no version", routed(versions, routing)],
    ["Shadow", routing.shadow ? `${routing.shadow} predicts each call as well, and answers none` : "none"],
    ["Store", `${store.name}, ${store.up ? "answers" : `is away: ${store.error ?? ""}`}${waiting}`],
    ["Registry", registered(registry)],
    ["Running since", new Date(about.started_at).toLocaleString()],
    ["You are", `${about.caller_id}, with the right to ${joined(about.rights)}`],
  ];
  const gone = refused.map(({ model_version, aliases, why }) => `version ${model_version} (${joined(aliases)}): ${why}`);
  return gone.length ? [...pairs, ["Not served", gone.join("; ")]] : pairs;
}

function routed(versions, { shares }) {
  const usual = versions.find((version) => version.default);
  const rest = 100 - Object.values(shares).reduce((total, percent) => total + percent, 0);
  const trials = Object.entries(shares).map(([alias, percent]) => `${percent} % go to ${alias}`);
  const last = usual ? `${trials.length ? `${rest} %` : "all"} go to the champion, version ${usual.model_version}` : "there is no champion";
  return joined([...trials, last]);
}

function registered(registry) {
  if (!registry) return "none is followed: the versions came with the service";
  const read = registry.read_at ? `read at ${new Date(registry.read_at).toLocaleTimeString()}` : "not read yet";
  return registry.why_stale ? `${read}; it cannot be read now: ${registry.why_stale}` : read;
}

$("again").addEventListener("click", () => attempt(show));
startLogin(() => attempt(show));
attempt(show);
