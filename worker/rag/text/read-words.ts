/**
 * Where the words of a folded text are. Pure.
 *
 * A word is a run of letters, digits and marks. Scripts that put no space between words (and Korean, which glues
 * particles to them) yield pairs of neighbouring characters instead: any part of such a run is then found, where a
 * dictionary (`Intl.Segmenter`) would cut the same word differently in a document and in a query.
 */

export const LETTER = 1;
const SEPARATOR = 2;
export const MARK = 3;
/** A letter of a script that is read in pairs. */
const PAIRED = 4;
const HIGH_SURROGATE = 5;

const PAIRED_SCRIPTS =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{scx=Yiii}\p{scx=Tang}\p{scx=Nshu}\p{scx=Kits}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tale}\p{scx=Talu}\p{scx=Lana}\p{scx=Tavt}\p{scx=Ahom}\p{scx=Java}\p{scx=Bali}\p{scx=Batk}\p{scx=Bugi}\p{scx=Maka}\p{scx=Kawi}\p{scx=Rjng}\p{scx=Xsux}\p{scx=Egyp}\p{scx=Hluw}]/u;

function classify(character: string): number {
  if (/\p{M}/u.test(character)) return MARK;
  if (!/[\p{L}\p{N}]/u.test(character)) return SEPARATOR;
  return /\p{L}/u.test(character) && PAIRED_SCRIPTS.test(character) ? PAIRED : LETTER;
}

/** What each UTF-16 unit is, asked of Unicode once. */
const unitKinds = new Uint8Array(0x10000);

/** The kind of the character that begins at a place. */
export function kindAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const known = unitKinds[unit];
  if (known === HIGH_SURROGATE) return classify(String.fromCodePoint(text.codePointAt(at) as number));
  if (known) return known;
  unitKinds[unit] = (unit & 0xfc00) === 0xd800 ? HIGH_SURROGATE : classify(String.fromCharCode(unit));
  return kindAt(text, at);
}

/** Where the character behind the one at a place begins. */
export function after(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00 ? at + 2 : at + 1;
}

/** Where the character before a place begins; -1 at the beginning. */
export function before(text: string, at: number): number {
  return at >= 2 && after(text, at - 2) === at ? at - 2 : at - 1;
}

/** Where letters and marks end that go on at `from`. Most units are known and whole characters: they are not looked at twice. */
function endOfRun(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const known = unitKinds[text.charCodeAt(at)];
    if (known === LETTER || known === MARK) at += 1;
    else if (known === SEPARATOR || known === PAIRED) break;
    else {
      const kind = kindAt(text, at);
      if (kind !== LETTER && kind !== MARK) break;
      at = after(text, at);
    }
  }
  return at;
}

/** A folded text with the bounds of its words: starts at even places, ends at odd ones. Words of a pair overlap. */
export interface Words {
  folded: string;
  bounds: Uint32Array;
}

/**
 * Finds the words of a folded text once, for several searches. A run of a paired script yields its pairs, and where
 * `singles` is set its single characters behind them: documents have both, queries ask for a single one only where it
 * stands alone.
 */
export function readWords(folded: string, singles = true): Words {
  return { folded, bounds: readAscii(folded) ?? readUnicode(folded, singles) };
}

/** Longer texts are no chunks, and are read as others are. */
const ASCII_CHARS_MAX = 8_192;
const ENCODER = new TextEncoder();
const asciiBytes = new Uint8Array(ASCII_CHARS_MAX);
const asciiBounds = new Uint32Array(ASCII_CHARS_MAX + 1);
/** 1 for letters and digits. */
const IN_WORD = Uint8Array.from({ length: 128 }, (_, unit) => Number(/[0-9A-Za-z]/.test(String.fromCharCode(unit))));

/**
 * The bounds of the words of a text that is ASCII alone, as most are; null for others. Each candidate of each search
 * passes here, and a byte is read faster than a character, without a branch that nobody can predict.
 */
export function readAscii(text: string): Uint32Array | null {
  const { length } = text;
  if (length > ASCII_CHARS_MAX) return null;
  const { read, written } = ENCODER.encodeInto(text, asciiBytes);
  if (read !== length || written !== length) return null;
  let count = 0;
  let inside = 0;
  for (let at = 0; at < length; at += 1) {
    const is = IN_WORD[asciiBytes[at] as number] as number;
    asciiBounds[count] = at;
    count += is ^ inside;
    inside = is;
  }
  asciiBounds[count] = length;
  return asciiBounds.slice(0, count + inside);
}

function readUnicode(folded: string, singles: boolean): Uint32Array {
  const length = folded.length;
  const bounds = new Uint32Array(4 * length + 2);
  let count = 0;
  let at = 0;
  while (at < length) {
    const kind = kindAt(folded, at);
    if (kind === LETTER) {
      bounds[count] = at;
      at = endOfRun(folded, after(folded, at));
      bounds[count + 1] = at;
      count += 2;
    } else if (kind === PAIRED) {
      const edges = [at];
      while (at < length && kindAt(folded, at) === PAIRED) {
        do at = after(folded, at);
        while (at < length && kindAt(folded, at) === MARK);
        edges.push(at);
      }
      const last = edges.length - 1;
      for (const span of singles || last === 1 ? [2, 1] : [2])
        for (let edge = span; edge <= last; edge += 1) {
          bounds[count] = edges[edge - span] as number;
          bounds[count + 1] = edges[edge] as number;
          count += 2;
        }
    } else at = after(folded, at);
  }
  return bounds.subarray(0, count);
}
