/**
 * The words of a text: one tokenizer for documents and queries, for every script. Pure.
 *
 * A word is a run of letters, digits and marks, folded. Scripts that put no space between words (and Korean, which glues
 * particles to them) yield pairs of neighbouring characters instead: any part of such a run is then found, where a
 * dictionary (`Intl.Segmenter`) would cut the same word differently in a document and in a query.
 * Compounds and names with symbols yield one more word: "e-mail" also "email", "C#" also "csharp".
 */

/** Vowel signs of most scripts are letters to their readers; these marks are left out in everyday spelling. */
const DIACRITICS = /[\u0300-\u036F\u0483-\u0487\u0591-\u05C7\u0610-\u061A\u0640\u064B-\u065F\u0670\u06D6-\u06ED]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const NON_ASCII = /[^\x00-\x7F]/;
const HYPHENS = /[\u2010\u2011\uFE63\uFF0D]/g;
// Before compatibility folding: it would turn "Foo™" into the word "footm".
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const SYMBOLS = /[^\x00-\x7F\p{L}\p{N}\p{M}\p{DI}]+/gu;
/** Soft hyphens, zero-width spaces and joiners, variation selectors: what a reader does not see. */
const INVISIBLE = /\p{DI}+/gu;

/** Lower case, without diacritics and invisible characters, compatibility forms folded ("x²" is "x2"). */
function foldLetters(text: string): string {
  if (!NON_ASCII.test(text)) return text.toLowerCase();
  return text
    .replace(HYPHENS, "-")
    .replace(SYMBOLS, " ")
    .replace(INVISIBLE, "")
    .normalize("NFKD")
    .toLowerCase()
    .normalize("NFD")
    .replace(DIACRITICS, "")
    .replaceAll("ς", "σ")
    .normalize("NFC");
}

/** A name as one word, however it is written: `maxTokens`, `MAX_TOKENS` and "max tokens" are "maxtokens". */
export function nameKey(name: string): string {
  return foldLetters(name).replace(/[^\p{L}\p{N}\p{M}]+/gu, "");
}

/** A text as its words are read from it: folded, with the joined form of compounds and names at its end. */
export function fold(text: string): string {
  return withJoined(foldLetters(text));
}

function withJoined(folded: string): string {
  const joined = joinFolded(folded, JOINTS);
  return joined.length === 0 ? folded : `${folded}\n${joined.join("\n")}`;
}

const LETTER = 1;
const SEPARATOR = 2;
const MARK = 3;
/** A letter of a script that is read in pairs. */
const PAIRED = 4;
const HIGH_SURROGATE = 5;

const PAIRED_SCRIPTS =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tale}\p{scx=Talu}\p{scx=Lana}\p{scx=Tavt}]/u;

function classify(character: string): number {
  if (/\p{M}/u.test(character)) return MARK;
  if (!/[\p{L}\p{N}]/u.test(character)) return SEPARATOR;
  return /\p{L}/u.test(character) && PAIRED_SCRIPTS.test(character) ? PAIRED : LETTER;
}

/** What each UTF-16 unit is, asked of Unicode once. */
const unitKinds = new Uint8Array(0x10000);

function kindAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const known = unitKinds[unit];
  if (known === HIGH_SURROGATE) return classify(String.fromCodePoint(text.codePointAt(at) as number));
  if (known) return known;
  unitKinds[unit] = (unit & 0xfc00) === 0xd800 ? HIGH_SURROGATE : classify(String.fromCharCode(unit));
  return kindAt(text, at);
}

function after(text: string, at: number): number {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00 ? at + 2 : at + 1;
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
  const length = folded.length;
  const bounds = new Uint32Array(NON_ASCII.test(folded) ? 4 * length + 2 : length + 2);
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
  return { folded, bounds: bounds.subarray(0, count) };
}

/** The words of a text, of which those behind `typed_length` are joined forms that the text itself does not hold. */
export interface TextWords extends Words {
  typed_length: number;
}

export function readText(text: string): TextWords {
  const folded = foldLetters(text);
  return { ...readWords(withJoined(folded)), typed_length: folded.length };
}

/** What a query asks for, in the order typed. */
export function tokenise(text: string): string[] {
  return listed(readWords(fold(text), false));
}

function listed({ folded, bounds }: Words): string[] {
  const words: string[] = [];
  for (let at = 0; at < bounds.length; at += 2) words.push(folded.slice(bounds[at], bounds[at + 1]));
  return words;
}

const JOINTS = /-|#|\+\+|\./g;
/** Longer ones are no names. */
const JOINED_CHARS_MAX = 40;
const JOINED_PARTS_MAX = 4;

/** The folded joined forms in a text: "e-mail" gives "email", "C#" "csharp", "C++" "cplusplus", ".NET" "dotnet". */
export function joinedNames(text: string): string[] {
  return joinFolded(foldLetters(text), JOINTS);
}

/** Only those that a hyphen joins. */
export function joinedCompounds(text: string): string[] {
  return joinFolded(foldLetters(text), /-/g);
}

function joinFolded(folded: string, joints: RegExp): string[] {
  const names: string[] = [];
  const isLetter = (at: number): boolean => at >= 0 && at < folded.length && kindAt(folded, at) === LETTER;
  let done = 0;
  for (const { 0: joint, index } of folded.matchAll(joints)) {
    const next = index + joint.length;
    if (index < done || isLetter(index - 1) === (joint === ".") || isLetter(next) !== (joint === "." || joint === "-"))
      continue;
    let start = index;
    while (isLetter(start - 1) && index - start < JOINED_CHARS_MAX) start -= 1;
    let end = next;
    let parts = 2;
    while (end - start <= JOINED_CHARS_MAX) {
      if (isLetter(end)) end += 1;
      else if (joint === "-" && folded[end] === "-" && isLetter(end + 1)) {
        end += 1;
        parts += 1;
      } else break;
    }
    done = end;
    const name = folded.slice(start, end);
    if (name.length > JOINED_CHARS_MAX || parts > JOINED_PARTS_MAX || !/\p{L}/u.test(name)) continue;
    if (joint === "-") names.push(name.replaceAll("-", ""));
    else if (joint === ".") names.push(`dot${name.slice(1)}`);
    else if (folded[next] !== "+") names.push(name.replace("#", "sharp").replace("++", "plusplus"));
  }
  return names;
}
