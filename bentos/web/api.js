// Calls of the service's own HTTP API. The API key, where the service asks for one, is kept while the tab is open.

const KEY = "api-key";
export const KEY_NEEDED = "key-needed"; // an event of the document: there is no key, or one without the right

export const key = () => sessionStorage.getItem(KEY) ?? "";
export const setKey = (value) => sessionStorage.setItem(KEY, value);

// An answer that is not a success. `seconds` says after how long to call again, where the service tells it.
export class ServiceError extends Error {
  constructor(status, answer, seconds) {
    super(answer?.detail ?? `the service answers ${status}`);
    this.status = status;
    this.reason = answer?.error ?? "";
    this.seconds = seconds;
  }
}

// The response to a GET, or to a POST of `body`. Throws ServiceError, and TypeError where nothing answers.
export async function request(path, body, options = {}) {
  const headers = { Accept: "application/json" };
  if (key()) headers["X-API-Key"] = key();
  if (body) headers["Content-Type"] = "application/json";
  const method = body ? "POST" : "GET";
  const response = await fetch(path, { ...options, headers, method, body: body && JSON.stringify(body) });
  if (response.ok) return response;
  if (response.headers.has("WWW-Authenticate")) document.dispatchEvent(new Event(KEY_NEEDED));
  const answer = await response.json().catch(() => null); // a proxy may answer with something else
  throw new ServiceError(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
}

export async function call(path, body, options) {
  return (await request(path, body, options)).json();
}

// A call's answer, and the milliseconds from its sending to its last byte.
export async function timed(path, body) {
  const started = performance.now();
  const answer = await call(path, body);
  return { answer, milliseconds: performance.now() - started };
}
