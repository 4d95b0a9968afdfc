// Elements of the page. Whatever comes from outside is set as text: the pages' policy refuses HTML from scripts.

export const $ = (id) => document.getElementById(id);

// A new element with these properties and children; a child that is a string is text.
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function button(text, action) {
  const made = element("button", { type: "button", textContent: text });
  made.addEventListener("click", action);
  return made;
}

// Text that only a screen reader says.
export const aside = (text) => element("span", { className: "aside", textContent: text });

// Runs an action of the page; what goes wrong is said in one place. Whether it went well.
export async function attempt(action) {
  $("error").hidden = true;
  try {
    await action();
    return true;
  } catch (error) {
    $("error").textContent = error instanceof TypeError ? "The service does not answer." : error.message;
    $("error").hidden = false;
    return false;
  }
}
