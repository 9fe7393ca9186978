/**
 * The words of a text, folded: one tokenizer for documents and queries, for every script (`read-words.ts`). Pure.
 *
 * Compounds, names with symbols, letters that keyboards lack and numbers in groups yield one more word: "e-mail" also "email",
 * "C#" also "csharp", "Straße" also "strasse", "1,000" also "1000".
 */

import { foldLetters } from "./fold-letters.ts";
import { after, before, kindAt, LETTER, MARK, readAscii, readWords, type Words } from "./read-words.ts";

/** A name as one word, however it is written: `maxTokens`, `MAX_TOKENS` and "max tokens" are "maxtokens". */
export function nameKey(name: string): string {
  return foldLetters(name).replace(/[^\p{L}\p{N}\p{M}]+/gu, "");
}

/** A text as its words are read from it: folded, with the other spellings of its compounds, names and words at its end. */
export function fold(text: string): string {
  return withJoined(foldLetters(text));
}

function withJoined(folded: string): string {
  return withAppended(folded, [...joinFolded(folded, JOINTS), ...respelled(folded)]);
}

function withAppended(folded: string, others: readonly string[]): string {
  return others.length === 0 ? folded : `${folded}\n${others.join("\n")}`;
}

/** The words of a text, of which those behind `typed_length` are joined forms that the text itself does not hold. */
export interface TextWords extends Words {
  typed_length: number;
}

export function readText(text: string): TextWords {
  const bounds = readAscii(text);
  if (bounds !== null) return readAsciiText(text.toLowerCase(), bounds);
  const folded = foldLetters(text);
  return { ...readWords(withJoined(folded)), typed_length: folded.length };
}

/** Most candidates of a search are read here, and most queries: it looks only for spellings that ASCII has, and for numbers where one may be. */
function readAsciiText(folded: string, bounds: Uint32Array): TextWords {
  const numbers = mayGroupDigits(folded, bounds) ? groupedDigits(folded) : [];
  const others = [...joinFolded(folded, JOINTS), ...withoutReferences(folded), ...numbers];
  const words = others.length === 0 ? { folded, bounds } : readWords(withAppended(folded, others));
  return { ...words, typed_length: folded.length };
}

const NINE = "9".charCodeAt(0);

/** A word of three characters, a digit first, right behind a separator of another word. */
function mayGroupDigits(folded: string, bounds: Uint32Array): boolean {
  for (let at = 2; at < bounds.length; at += 2) {
    const start = bounds[at] as number;
    if ((bounds[at + 1] as number) - start !== 3 || start - (bounds[at - 1] as number) !== 1) continue;
    if (folded.charCodeAt(start) <= NINE) return true;
  }
  return false;
}

/** What a query asks for, in the order typed. */
export function tokenise(text: string): string[] {
  const bounds = readAscii(text);
  return listed(bounds === null ? readWords(fold(text), false) : readAsciiText(text.toLowerCase(), bounds));
}

function listed({ folded, bounds }: Words): string[] {
  const words: string[] = [];
  for (let at = 0; at < bounds.length; at += 2) words.push(folded.slice(bounds[at], bounds[at + 1]));
  return words;
}

/** Not beside a blank, and no full stop after a letter: most joints of a text join nothing, and every candidate of a search passes here. */
const JOINTS = /-(?<=\S-)(?=\S)|#(?<=\S#)|\+\+(?<=\S\+\+)|\.(?<![a-z0-9]\.)(?=[^\s.])/g;
/** Longer ones are no names. */
const JOINED_CHARS_MAX = 40;
const JOINED_PARTS_MAX = 4;

/** Letters that are no accented ones to Unicode, as who has no key for them writes them; "ß" also in capitals ("STRASSE"). */
const RESPELLED: Readonly<Record<string, string>> = {
  ...{ ß: "ss", ı: "i", ł: "l", ø: "o", đ: "d", ð: "d", ħ: "h", ŧ: "t", þ: "th", æ: "ae", œ: "oe" },
  ...{ ŋ: "n", ə: "e", ɛ: "e", ɔ: "o", ɓ: "b", ɗ: "d", ƙ: "k", ɖ: "d", ƒ: "f", ɣ: "g", ǥ: "g", ɲ: "n" },
  ...{ ɩ: "i", ɨ: "i", ʉ: "u", ʊ: "u", ʋ: "v", ƴ: "y", ʒ: "z", ƀ: "b", ƶ: "z", ɍ: "r", ɇ: "e" },
};
const ANY_RESPELLED = new RegExp(`[${Object.keys(RESPELLED).join("")}]`, "g");
/** Of them those that have no capital of their own: "ıɓ" is "IƁ". */
const LOWER_CASE_ALONE = /[ßı]/g;
/** Longer ones are no words. */
const RESPELLED_CHARS_MAX = 120;
/** Where HTML and Markdown allow a line break inside a word, written out; and Catalan's "col·legi", which many write "collegi". */
const REFERENCE = /(?:&(?:shy|zwnj|zwj|zerowidthspace|#173|#xad|#820[3-5]|#x200[b-d]);|<wbr ?\/?>|(?<=l)\u00B7(?=l))/g;
/** Digits in groups, as "1,000,000", "1.000.000", "1_000_000", "1 000 000" and India's "10,00,000" have them. More are no number. */
const GROUPED_DIGITS = /[1-9](?<!\w\d)\d{0,2}([,.'_ ])(?:\d{2,3}\1){0,6}\d{3}(?!\w)/g;

function respelled(folded: string): string[] {
  const respell = (word: string, letters: RegExp): string =>
    word.replace(letters, (letter) => RESPELLED[letter] as string);
  return [
    ...wordsAround(folded, ANY_RESPELLED, (word) => respell(word, ANY_RESPELLED)),
    ...wordsAround(folded, LOWER_CASE_ALONE, (word) => {
      const capitals = respell(word, LOWER_CASE_ALONE);
      return capitals.search(ANY_RESPELLED) < 0 ? "" : capitals;
    }),
    // What is typed in capitals may have the capital that "ß" was given late: "ẞI".
    ...wordsAround(folded, /ı/g, (word) => (word.includes("ß") ? word.replaceAll("ı", "i") : "")),
    ...withoutReferences(folded),
    ...groupedDigits(folded),
  ];
}

function withoutReferences(folded: string): string[] {
  return wordsAround(folded, REFERENCE, (word) => word.replace(REFERENCE, ""));
}

function groupedDigits(folded: string): string[] {
  return Array.from(folded.matchAll(GROUPED_DIGITS), ([number]) => number.replace(/\D/g, ""));
}

/** The words that hold a match of `sign`, as `respell` has them. */
function wordsAround(folded: string, sign: RegExp, respell: (word: string) => string): string[] {
  const words: string[] = [];
  if (folded.search(sign) < 0) return words;
  let [start, end] = [0, 0];
  const isLetter = (at: number): boolean => kindAt(folded, at) === LETTER || kindAt(folded, at) === MARK;
  const close = (): void => {
    const word = end - start > RESPELLED_CHARS_MAX ? "" : respell(folded.slice(start, end));
    if (word !== "") words.push(word);
  };
  for (const { 0: match, index } of folded.matchAll(sign)) {
    if (index < end) continue;
    if (index > end || end === 0) {
      close();
      start = index;
      for (let at = before(folded, start); at >= end && isLetter(at); at = before(folded, start)) start = at;
    }
    end = index + match.length;
    while (end < folded.length && isLetter(end)) end = after(folded, end);
  }
  close();
  return words;
}

/** The other spellings of what a text says, folded: "e-mail" gives "email", "C#" "csharp", ".NET" "dotnet", "Łódź" "lodz". */
export function joinedNames(text: string): string[] {
  const folded = foldLetters(text);
  return [...joinFolded(folded, JOINTS), ...respelled(folded)];
}

/** Without names with symbols: a query of ".NET" or "C#" asks for all that is written beside such a name. */
export function joinedCompounds(text: string): string[] {
  const folded = foldLetters(text);
  return [...joinFolded(folded, /-/g), ...respelled(folded)];
}

function joinFolded(folded: string, joints: RegExp): string[] {
  const names: string[] = [];
  if (folded.search(joints) < 0) return names;
  const isLetter = (at: number): boolean => at >= 0 && at < folded.length && kindAt(folded, at) === LETTER;
  let done = 0;
  for (const { 0: joint, index } of folded.matchAll(joints)) {
    const next = index + joint.length;
    // "C++17" names the language as well.
    const isVersion = joint === "++" && /[0-9]/.test(folded[next] ?? "");
    if (index < done || isLetter(index - 1) === (joint === ".")) continue;
    if (!isVersion && isLetter(next) !== (joint === "." || joint === "-")) continue;
    let start = index;
    while (isLetter(start - 1) && index - start < JOINED_CHARS_MAX) start -= 1;
    let end = next;
    let parts = 2;
    while (!isVersion && end - start <= JOINED_CHARS_MAX) {
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
