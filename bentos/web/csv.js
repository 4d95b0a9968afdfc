// Tables as text: a reader and a writer of RFC 4180.

// A file that is no table; the message names the line.
export class TableError extends Error {}

// The records of `text`, each a list of as many fields as the first has; lines that are wholly empty are none. Fields
// are separated by the one of `,` `;` and tab that occurs most in the first record, outside of quotes.
export function read(text) {
  const separator = separatorOf(text);
  const fieldEnd = new RegExp(`[${separator}\\r\\n]|$`, "g");
  const records = [];
  let record = [];
  let begin = text.startsWith("\ufeff") ? 1 : 0; // of the record
  let at = begin;
  while (at < text.length) {
    const [field, end] = text[at] === '"' ? quotedField(text, at) : plainField(text, at, fieldEnd);
    record.push(field);
    at = end + 1;
    if (text[end] === separator && at < text.length) continue;
    if (text[end] === separator) record.push(""); // the file ends with a separator
    else if (end < text.length && !"\r\n".includes(text[end])) throw problem(text, end, 'a quote inside a field is written as ""');
    if (text.startsWith("\r\n", end)) at += 1;
    if (record.length > 1 || record[0] !== "") {
      records.push(record);
      checkLength(record, records[0], text, begin);
    }
    record = [];
    begin = at;
  }
  return records;
}

// A field's value, and the index after it.
function plainField(text, at, fieldEnd) {
  fieldEnd.lastIndex = at;
  const end = fieldEnd.exec(text).index;
  return [text.slice(at, end), end];
}

function quotedField(text, at) {
  let end = text.indexOf('"', at + 1);
  while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  if (end < 0) throw problem(text, at, "the quote that opens here is never closed");
  return [text.slice(at + 1, end).replaceAll('""', '"'), end + 1];
}

function checkLength(record, first, text, begin) {
  if (record.length === first.length) return;
  throw problem(text, begin, `${record.length} fields, the first line has ${first.length}: quote fields with separators in them`);
}

const problem = (text, at, reason) => new TableError(`line ${text.slice(0, at).split(/\r\n|\r|\n/).length}: ${reason}`);

function separatorOf(text) {
  const counts = { ",": 0, ";": 0, "\t": 0 };
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === "\r" || character === "\n")) break;
    else if (!quoted && character in counts) counts[character] += 1;
  }
  return Object.keys(counts).reduce((most, one) => (counts[one] > counts[most] ? one : most));
}

// Records as text. Fields stay as they are: what a spreadsheet would take for a formula is not changed.
export function write(records) {
  const quoted = (field) => (/["\r\n,]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  return records.map((record) => `${record.map(quoted).join(",")}\r\n`).join("");
}
