// Files that the browser saves.

import { request } from "./api.js";
import { element } from "./dom.js";

export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

// Saves what the service answers: a link could not send the API key.
export async function saveFrom(path, name) {
  save(await (await request(path)).blob(), name);
}
