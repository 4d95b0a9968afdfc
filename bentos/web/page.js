// The page at `/`: the service's own HTTP API, for a person. Whatever comes from outside is set as text, never as HTML.

const NEWEST = 20; // calls shown of the log
const REMARKS = {
  unsure: "The version is not sure: a person should look.",
  unfamiliar: "This text is unlike all that the version has learnt.",
};
const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function call(path, body) {
  const headers = { Accept: "application/json" };
  if ($("key").value) headers["X-API-Key"] = $("key").value;
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { headers, method: body ? "POST" : "GET", body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) $("login").hidden = false;
  throw new Error(answer.detail ?? `the service answers ${response.status}`);
}

// Runs one action of the page: its buttons wait, and what goes wrong is said in one place.
async function attempt(action) {
  const buttons = document.querySelectorAll("button:enabled");
  $("error").hidden = true;
  buttons.forEach((button) => (button.disabled = true));
  try {
    await action();
  } catch (error) {
    $("error").textContent = error instanceof TypeError ? "The service does not answer." : error.message;
    $("error").hidden = false;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

async function showService() {
  const [about, { versions }] = await Promise.all([call("/"), call("/versions")]);
  document.title = $("name").textContent = about.api_name;
  const store = about.store.up ? about.store.name : `${about.store.name}, which is away now`;
  const mock = about.mock ? " A stand-in model answers: its labels mean nothing." : "";
  const marked = versions.filter(({ stand_in }) => stand_in).map(({ model_version }) => model_version);
  const standIn = marked.length ? ` Trained on a stand-in for the corpus: version ${marked.join(", ")}.` : "";
  $("about").textContent = `You are ${about.caller_id}; calls are kept in ${store}.${mock}${standIn}`;
  const chosen = $("version").value;
  const options = versions.map(({ model_version, aliases, variant }) => {
    const names = [variant, ...aliases].filter(Boolean).join(", ");
    return element("option", { value: model_version, textContent: `${model_version} (${names})` });
  });
  $("version").replaceChildren(element("option", { value: "", textContent: "as routed" }), ...options);
  $("version").value = chosen;
}

function percent(value) {
  return `${(100 * value).toFixed(value > 0.999 || value < 0.001 ? 3 : 1)} %`;
}

// Why the label on top should not be taken as it is: a word and its sentence for each reason.
function remarks({ top, verdict, unfamiliar }) {
  const reasons = [...(verdict === top.label ? [] : ["unsure"]), ...(unfamiliar ? ["unfamiliar"] : [])];
  return reasons.map((reason) =>
    element("p", { className: "remark" }, element("b", { textContent: reason }), ` ${REMARKS[reason]}`),
  );
}

function card(answer) {
  const shown = $("answer").content.cloneNode(true).firstElementChild;
  const part = (name) => shown.querySelector(name);
  part("strong").textContent = answer.top.label;
  part(".share").textContent = percent(answer.top.value); // below 50 % where the operating point says so
  part(".verdict").after(...remarks(answer));
  for (const [label, value] of Object.entries(answer.prediction)) {
    const bar = element("progress", { value, max: 1, ariaLabel: label });
    part(".bars").append(element("span", { textContent: label }), bar, element("span", { textContent: percent(value) }));
  }
  part(".source").textContent = `version ${answer.model_version}${answer.from_cache ? ", from the cache" : ""}`;
  if (answer.explanation) {
    const words = answer.explanation.flatMap(({ words, weight }) => {
      const side = Math.abs(weight) < 0.1 ? "" : weight > 0 ? "for" : "against";
      return [element("mark", { className: side, title: weight.toFixed(2), textContent: words }), " "];
    });
    part(".why").append(...words);
    part(".why").hidden = false;
  }
  if (answer.id) part(".correct").append("Wrong? It is", ...corrections(answer, part(".correct")));
  return shown;
}

function corrections(answer, place) {
  const others = Object.keys(answer.prediction).filter((label) => label !== answer.top.label);
  return others.map((label) => {
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", () =>
      attempt(async () => {
        await call("/feedback", { id: answer.id, label });
        place.textContent = `Thank you: noted as ${label}.`;
      }),
    );
    return button;
  });
}

async function showLog() {
  if (!$("history").open) return;
  const calls = (await call("/recent_log")).slice(-NEWEST).reverse();
  const rows = calls.map(({ called_at, input, result, model_version, from_cache }) => {
    const told = [new Date(called_at).toLocaleTimeString(), input, result, model_version, from_cache ? "yes" : "no"];
    return element("tr", {}, ...told.map((textContent) => element("td", { textContent })));
  });
  const none = element("tr", {}, element("td", { colSpan: 5, textContent: "None yet." }));
  $("log").replaceChildren(...(rows.length ? rows : [none]));
}

async function show(answers) {
  $("answers").replaceChildren(...answers.map(card));
  await Promise.all([showService(), showLog()]);
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const body = { text: $("text").value, explain: $("explain").checked };
    if ($("version").value) body.model_version = $("version").value;
    await show([await call("/prediction", body)]);
  });
});
$("compare").addEventListener("click", () => {
  if (!$("ask").reportValidity()) return;
  attempt(async () => show((await call("/compare", { text: $("text").value })).results));
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("ask").requestSubmit();
});
$("key").addEventListener("change", () => attempt(showService));
$("history").addEventListener("toggle", () => attempt(showLog));
attempt(showService);
