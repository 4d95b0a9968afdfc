// The field for the API key, which both pages show once the service asks for one.

import { KEY_NEEDED, key, setKey } from "./api.js";
import { $ } from "./dom.js";

// `again` is called when the key was changed.
export function startLogin(again) {
  $("key").value = key();
  document.addEventListener(KEY_NEEDED, () => ($("login").hidden = false));
  $("login").addEventListener("submit", (event) => {
    event.preventDefault();
    setKey($("key").value.trim());
    again();
  });
}
