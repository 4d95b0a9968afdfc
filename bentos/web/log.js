// The caller's calls of this hour, newest first.

import { call } from "./api.js";
import { $, attempt, button, element } from "./dom.js";
import { whole } from "./format.js";
import { chip } from "./labels.js";

const PAGE = 20; // calls shown at once

export function startLog() {
  $("history").addEventListener("toggle", () => attempt(showLog));
}

// Shows the log where it is open.
export async function showLog() {
  if (!$("history").open) return;
  const calls = (await call("/recent_log")).reverse();
  $("log").replaceChildren();
  showMore(calls, 0);
}

function showMore(calls, from) {
  $("log").append(...calls.slice(from, from + PAGE).map(row));
  const rest = calls.length - from - PAGE;
  if (!calls.length) $("log-rest").replaceChildren("None yet.");
  else if (rest <= 0) $("log-rest").replaceChildren();
  else $("log-rest").replaceChildren(button(`Show more of ${whole(rest)} older calls`, () => showMore(calls, from + PAGE)));
}

function row({ called_at, input, result, model_version, from_cache }) {
  const time = element("time", { dateTime: called_at, textContent: new Date(called_at).toLocaleTimeString() });
  const source = [chip(result), " ", time, `, version ${model_version}${from_cache ? ", from the cache" : ""}`];
  return element("li", {}, element("p", { className: "input", textContent: input }), element("p", { className: "source" }, ...source));
}
