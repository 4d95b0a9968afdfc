// Files that the browser saves.

import { key, request } from "./api.js";
import { attempt, element } from "./dom.js";

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

// Where there is an API key, which a link cannot send, a click on this link saves what the service answers.
export function saveWithKey(link, name) {
  link.addEventListener("click", (event) => {
    if (!key()) return;
    event.preventDefault();
    attempt(async () => save(await (await request(link.href)).blob(), name));
  });
}
