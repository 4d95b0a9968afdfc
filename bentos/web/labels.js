// The labels and how each is told from the others: by one tone (colour and kind of underline) wherever it is shown.

import { element } from "./dom.js";
import { positiveOf } from "./figures.js";

const TONES = 6; // classes tone-0 ... in page.css
let order = []; // the label to catch first

export function setLabels(versions) {
  const positive = versions.map(positiveOf).filter(Boolean);
  order = [...new Set([...positive, ...versions.flatMap(({ labels }) => labels)])];
}

export const labels = () => order;

export function tone(label) {
  if (!order.includes(label)) order.push(label);
  return `tone-${order.indexOf(label) % TONES}`;
}

// The label's name with its mark.
export function chip(label) {
  return element("span", { className: `chip ${tone(label)}`, textContent: label });
}
