// The field for the API key, which a page shows once the service asks for one, or for one with another right; and the
// link to the metrics, which may need the key.

import { KEY_NEEDED, key, setKey } from "./api.js";
import { $ } from "./dom.js";
import { saveWithKey } from "./download.js";

// `again` is called when the key was changed.
export function startLogin(again) {
  $("key").value = key();
  document.addEventListener(KEY_NEEDED, () => ($("login").hidden = false));
  $("login").addEventListener("submit", (event) => {
    event.preventDefault();
    setKey($("key").value.trim());
    again();
  });
  for (const link of document.querySelectorAll('a[href="/metrics"]')) saveWithKey(link, "metrics.txt");
}
