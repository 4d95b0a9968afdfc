// Many texts: cut into the lists that `/predictions` accepts, and sent one after the other.

import { ServiceError, call } from "./api.js";

// As in bentos/http/limits.py, which /docs tells; characters are Unicode's, as Python counts them.
export const MAX_CHARACTERS = 10_000;
export const MAX_TEXTS = 1_000;
export const MAX_LIST_CHARACTERS = 1_000_000;

const PATIENCE = 5; // times that a call is repeated which the service is too busy for
const SECONDS = 1; // before that, where the service names no time

const characters = (text) => (text.length <= MAX_CHARACTERS / 2 ? text.length : [...text].length);

// Why the service would refuse this text; empty when it would not.
export function refusal(text) {
  if (!/[^\s\u001c-\u001f\u0085]/.test(text)) return "blank";
  if (text.includes("\0")) return "it holds a NUL character";
  if (!text.isWellFormed()) return "it holds half a character";
  return characters(text) > MAX_CHARACTERS ? `longer than ${MAX_CHARACTERS} characters` : "";
}

// How many texts from `start` on fit into one call, at most `most`.
export function fitting(texts, start, most) {
  let total = 0;
  let end = start;
  while (end < texts.length && end - start < most) {
    total += characters(texts[end]);
    if (total > MAX_LIST_CHARACTERS) break;
    end += 1;
  }
  return end - start;
}

// Sends all texts; `onAnswers(answers)` gets those of each call, in order, and `onWait(seconds)` is told of a pause.
// `signal` ends it at once. Throws what `request` throws.
export async function sendAll(texts, model_version, { signal, onAnswers, onWait }) {
  const named = model_version ? { model_version } : {};
  let most = MAX_TEXTS;
  let tries = 0;
  for (let start = 0; start < texts.length; ) {
    const list = texts.slice(start, start + fitting(texts, start, most));
    try {
      onAnswers(await call("/predictions", { texts: list, ...named }, { signal }));
      start += list.length;
      tries = 0;
    } catch (error) {
      if (error.reason === "too_many" && list.length > 1) {
        most = Math.ceil(list.length / 2); // a rate limit allows fewer texts at once
        continue;
      }
      const seconds = pause(error, (tries += 1));
      onWait(seconds);
      await sleep(seconds, signal);
    }
  }
}

// After how many seconds the call may be repeated. Throws the error where it may not.
function pause(error, tries) {
  if (!(error instanceof ServiceError) || ![429, 503].includes(error.status)) throw error;
  if (error.status === 503 && tries > PATIENCE) throw error;
  return error.seconds || SECONDS;
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
