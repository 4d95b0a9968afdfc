// The last call as something to take along: a link to its text, a command for curl, a program in Python.

import { key } from "./api.js";
import { $, button } from "./dom.js";

// The text stands behind the #, which browsers send to nobody: not to this service's log, nor a proxy's.
export const link = (text) => `${location.origin}/#text=${encodeURIComponent(text)}`;

// The text that the page's address asks for, as #text= or ?text=; empty without one.
export function linked() {
  const inFragment = new URLSearchParams(location.hash.slice(1)).get("text");
  return inFragment ?? new URLSearchParams(location.search).get("text") ?? "";
}

export function curl(path, body) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const secret = key() ? ` -H "X-API-Key: $API_KEY"` : "";
  return `curl ${quoted(location.origin + path)} -H 'Content-Type: application/json'${secret} -d ${quoted(JSON.stringify(body))}`;
}

export function python(path, body) {
  const secret = key() ? `, "X-API-Key": os.environ["API_KEY"]` : "";
  return `import json${key() ? "\nimport os" : ""}
from urllib.request import Request, urlopen

call = ${literal(body)}
headers = {"Content-Type": "application/json"${secret}}
with urlopen(Request(${literal(location.origin + path)}, json.dumps(call).encode(), headers)) as answer:
    print(json.load(answer))
`;
}

// A value as Python writes it: JSON is the same but for three names, which are not looked for inside texts.
function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one)}`).join(", ")}}`;
}

// Shows buttons that copy what the call is in each form.
export function offerCopies(path, body) {
  const forms = { "Copy link": link(body.text), "Copy as curl": curl(path, body), "Copy as Python": python(path, body) };
  $("copies").replaceChildren(...Object.entries(forms).map(([name, text]) => button(name, () => copy(text))));
  $("copied").replaceChildren();
  $("code").hidden = true;
}

// Only a page from https or this machine may use the clipboard: elsewhere the text is shown, selected.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    $("copied").textContent = "Copied.";
  } catch {
    $("copied").textContent = "Copy it from here:";
    $("code").value = text;
    $("code").hidden = false;
    $("code").select();
  }
}
