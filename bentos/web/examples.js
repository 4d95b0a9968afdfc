// Messages to try. They are offered where the labels are those that they were written for.

import { button } from "./dom.js";

const LABELS = ["ham", "spam"];
const EXAMPLES = {
  "a prize": "WINNER!! You have been selected for a £900 prize. Claim now, call 09061701461",
  "a parcel": "Your parcel is held because of an unpaid fee of £1.45. Pay today: https://parcel-fee-help.top/pay",
  "a bank's code": "482913 is your one-time code for a payment of £24.99. We will never ask you for it.",
  "a friend": "mum says are you home for lunch on sunday?",
  "a shop": "Your order 118-2204 is ready to collect at our High Street shop until 8 pm on Friday.",
};

// Buttons that hand their message to `use`; none where the service has other labels.
export function examples(labels, use) {
  if (labels.toSorted().join() !== LABELS.join()) return [];
  return Object.entries(EXAMPLES).map(([name, text]) => button(name, () => use(text)));
}
