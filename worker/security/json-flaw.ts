/**
 * What `JSON.parse` lets pass and this API refuses: nesting that no schema has, arrays and objects longer than any that it
 * has and more of them together than any request needs (a schema would check and report each item first), and objects that
 * name a key twice.
 *
 * `JSON.parse` keeps the last of two equal keys, other parsers the first: a proxy or a log could have read another
 * request than we do. One pass over the text before it is parsed; syntax errors are left to the parser.
 */
interface JsonFlaw {
  /** Where in the text, in UTF-16 units. */
  offset: number;
  detail: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const KEY_CHARS_SHOWN = 60;

interface JsonBounds {
  depth_max: number;
  items_max: number;
  keys_max: number;
  /** Items and fields of all arrays and objects together. */
  values_max: number;
}

/** The first flaw of a JSON text, or null. */
export function jsonFlaw(text: string, { depth_max, items_max, keys_max, values_max }: JsonBounds): JsonFlaw | null {
  /** The keys seen in each open object; null for an array. */
  const open: (Set<string> | null)[] = [];
  /** The commas seen in each of them. */
  const commas: number[] = [];
  let key_expected = false;
  let values = 0;

  for (let offset = 0; offset < text.length; offset++) {
    switch (text.charCodeAt(offset)) {
      case QUOTE: {
        const end = stringEnd(text, offset);
        if (end === -1) return null;
        const keys = open.at(-1);
        if (key_expected && keys) {
          const key = keyOf(text.slice(offset, end + 1));
          if (key === null) return null;
          if (keys.has(key)) {
            return { offset, detail: `the key ${JSON.stringify(key.slice(0, KEY_CHARS_SHOWN))} is given twice` };
          }
          // Objects that are built from parsed ones lose this key without a word.
          if (key === "__proto__") return { offset, detail: 'the key "__proto__" is not taken' };
          keys.add(key);
        }
        offset = end;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (open.length === depth_max) return { offset, detail: `it is nested deeper than ${depth_max} levels` };
        key_expected = text.charCodeAt(offset) === OPEN_OBJECT;
        open.push(key_expected ? new Set() : null);
        commas.push(0);
        values += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        open.pop();
        commas.pop();
        key_expected = false;
        break;
      case COMMA: {
        key_expected = open.at(-1) instanceof Set;
        const count = (commas.pop() ?? 0) + 1;
        commas.push(count);
        values += 1;
        if (values >= values_max)
          return { offset, detail: `it holds more than ${values_max} values: send fewer of them at once` };
        if (count >= (key_expected ? keys_max : items_max)) {
          const detail = key_expected
            ? `an object has more than ${keys_max} fields`
            : `an array has more than ${items_max} items`;
          return { offset, detail };
        }
        break;
      }
      case COLON:
        key_expected = false;
        break;
    }
  }
  return null;
}

/** Offset of the quote that closes the string opened at `start`, or -1. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote;
  }
  return -1;
}

/** The key a JSON string stands for: `"a"` and `"\u0061"` are the same one. Null when it is not valid JSON. */
function keyOf(literal: string): string | null {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return null;
  }
}
