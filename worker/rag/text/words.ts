/**
 * The words of a text, folded: one tokenizer for documents and queries, for every script (`read-words.ts`). Pure.
 *
 * Compounds, names with symbols, letters that keyboards lack and numbers in groups yield one more word: "e-mail" also "email",
 * "C#" also "csharp", "Straße" also "strasse", "1,000" also "1000".
 */

import { after, before, kindAt, LETTER, MARK, readAscii, readWords, type Words } from "./read-words.ts";

/**
 * Vowel signs of most scripts are letters to their readers; these marks are left out in everyday spelling: accents, points and
 * cantillation of Hebrew, Arabic, Syriac, Samaritan, Mandaic and Vedic texts, the nukta of Hindi and Panjabi, gemination.
 */
const DIACRITICS = new RegExp(
  "[\\u0300-\\u036F\\u0483-\\u0487\\u0591-\\u05C7\\u0610-\\u061A\\u0640\\u064B-\\u065F\\u0670\\u06D6-\\u06ED\\u0711\\u0730-\\u074A" +
    "\\u0816-\\u082D\\u0859-\\u085B\\u0898-\\u089F\\u08CA-\\u08FF\\u093C\\u0951-\\u0954\\u0A3C\\u135D-\\u135F\\u1AB0-\\u1AFF\\u1CD0-\\u1CF9" +
    "\\u1DC0-\\u1DFF\\u20D0-\\u20FF\\uFE20-\\uFE2F]",
  "g",
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const NON_ASCII = /[^\x00-\x7F]/;
const HYPHENS = /[\u2010\u2011\uFE63]/g;
/** Whichever of them a keyboard has: "пʼять" and "Hawaiʻi" as with the ASCII one. */
const APOSTROPHES = /[\u02B9\u02BB-\u02BF\u02C8\uA78C]/g;
/** Of East Asian keyboards, and the sharp that C and F are written with. */
const WIDE_SYMBOLS = /[\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF5E\u266F]/g;
const WIDE_OFFSET = 0xfee0;
/** One character that folds to four words: a text of nothing else would have eighteen times its size. */
const HONORIFIC = /\uFDFA/g;
/**
 * Before compatibility folding: it would turn "Foo™" into the word "footm". Symbols that are letters or digits to a reader stay:
 * "㎡", "ⓐ", "㍿", and the radicals (⽇) that PDF files have in place of characters; so does the raised dot of Catalan's "l·l".
 */
const SYMBOLS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
  /[^\x00-\x7F\u00B7\p{L}\p{N}\p{M}\p{DI}\u2103\u2109\u249C-\u24E9\u2E80-\u2FD5\u3200-\u33FF\u{1F110}-\u{1F149}\u{1F200}-\u{1F265}]+/gu;
/** Soft hyphens, zero-width spaces and joiners, variation selectors: what a reader does not see. */
const INVISIBLE = /\p{DI}+/gu;
/** Letters that look alike and lie on different keyboards, of Arabic script and African ones, each with the one that stands for it. */
const ALIKE_LETTERS: Readonly<Record<string, string>> = {
  ی: "ي",
  ى: "ي",
  ک: "ك",
  ہ: "ه",
  ە: "ه",
  ۃ: "ة",
  ٱ: "ا",
  ǝ: "ə",
};
const ANY_ALIKE = new RegExp(`[${Object.keys(ALIKE_LETTERS).join("")}]`, "g");
/** Of old Slavonic books: other shapes of Cyrillic letters, which they are only in capitals. */
const OLD_SHAPES = /[\u1C80-\u1C88]/g;
/**
 * One word in two encodings that look the same: Malayalam's chillus and Bengali's khanda ta are letters since Unicode 5.1 and 4.1,
 * and a consonant with virama and joiner in older texts and by older keyboards.
 */
const OLD_ENCODINGS: Readonly<Record<string, string>> = {
  ...{ "ണ്\u200D": "ൺ", "ന്\u200D": "ൻ", "ര്\u200D": "ർ", "ല്\u200D": "ൽ", "ള്\u200D": "ൾ", "ക്\u200D": "ൿ" },
  "ত্\u200D": "ৎ",
};
const ANY_OLD_ENCODING = /[\u0D15\u0D23\u0D28\u0D30\u0D32\u0D33]\u0D4D\u200D|\u09A4\u09CD\u200D/g;
/**
 * Likewise Malayalam's "nta", which has three encodings, its sign of "au" in old and new spelling, and Tamil's "shri", which Unicode 4.1
 * has written with another letter since. After decomposition, where "au" is two signs.
 */
const NTA = /\u0D7B\u0D4D?\u0D31/g;
const OLD_AU = /\u0D46(?=\u0D57)/g;
const SHRI = /\u0BB8(?=\u0BCD\u0BB0\u0BC0)/g;
/** Japanese voicing as a sign of its own, as old files and some scans have it. */
const VOICING: Readonly<Record<string, string>> = { "\u309B": "\u3099", "\u309C": "\u309A" };
/** Likewise in Thai and Lao: the sign of "am" before or behind the tone, and two e for one ae. */
const AM_BEFORE_TONE = /([\u0E4D\u0ECD])([\u0E48-\u0E4B\u0EC8-\u0ECB])/g;
const TWO_E = /\u0E40\u0E40|\u0EC0\u0EC0/g;
/** Yiddish digraphs, which some keyboards have and others write as two letters. */
const DIGRAPHS: Readonly<Record<string, string>> = { "\u05F0": "וו", "\u05F1": "וי", "\u05F2": "יי" };
/** Of the radicals that PDF files have in place of characters those that compatibility folding leaves, each before its character. */
const RADICALS =
  "⺜日⺝月⺟母⺠民⺧牛⺩王⺫目⺬示⺮竹⺶羊⺼肉⻁虎⻄西⻅见⻆角⻉贝⻋车⻏邑⻑長⻓长⻔门⻗雨⻘青⻙韦⻚页⻛风⻜飞⻝食⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻫斉⻬齐⻭歯⻮齿⻯竜⻰龙⻱龜⻲亀⻳龟";
const FOREIGN_DIGITS = /(?![0-9])\p{Nd}/gu;

/** Latin, Greek, Cyrillic, Hebrew and everyday punctuation: nothing that only other scripts and keyboards need. */
const NEARBY =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
  /^[\x00-\x7F\u00A0-\u0148\u014A-\u018D\u018F-\u01DC\u01DE-\u02AF\u0375-\u05EF\u05F3-\u05FF\u1E00-\u1E99\u1E9B-\u20CF\u2190-\u23FF]*$/;

/** Lower case, without diacritics and invisible characters, compatibility forms folded ("x²" is "x2"), digits as ASCII has them. */
function foldLetters(text: string): string {
  if (!NON_ASCII.test(text)) return text.toLowerCase();
  const isNearby = NEARBY.test(text);
  const shown = (isNearby ? text : renewed(text)).replace(HYPHENS, "-").replace(SYMBOLS, " ").replace(INVISIBLE, "");
  const plain = shown.normalize("NFKD").toLowerCase().normalize("NFD").replace(DIACRITICS, "").replaceAll("ς", "σ");
  return (isNearby ? plain : alike(plain)).normalize("NFC");
}

function renewed(text: string): string {
  return text
    .replace(HONORIFIC, " ")
    .replace(WIDE_SYMBOLS, narrow)
    .replace(/[\u309B\u309C]/g, (sign) => VOICING[sign] as string)
    .replace(ANY_OLD_ENCODING, (letter) => OLD_ENCODINGS[letter] as string)
    .replace(/[\u2E80-\u2EF3]/g, (radical) => RADICALS.charAt(RADICALS.indexOf(radical) + 1) || radical);
}

function narrow(wide: string): string {
  return wide === "♯" ? "#" : String.fromCharCode(wide.charCodeAt(0) - WIDE_OFFSET);
}

function alike(text: string): string {
  return text
    .replace(APOSTROPHES, "'")
    .replace(OLD_SHAPES, (letter) => letter.toUpperCase().toLowerCase())
    .replace(ANY_ALIKE, (letter) => ALIKE_LETTERS[letter] as string)
    .replace(AM_BEFORE_TONE, "$2$1")
    .replace(NTA, "\u0D28\u0D4D\u0D31")
    .replace(OLD_AU, "")
    .replace(SHRI, "\u0BB6")
    .replace(TWO_E, (pair) => (pair === "\u0E40\u0E40" ? "\u0E41" : "\u0EC1"))
    .replace(/[\u05F0-\u05F2]/g, (digraph) => DIGRAPHS[digraph] as string)
    .replace(FOREIGN_DIGITS, digitOf);
}

/** Unicode keeps the ten digits of a script together, in order. */
function digitOf(character: string): string {
  const code = character.codePointAt(0) as number;
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((code - first) % 10);
}

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

/** Candidates of a search are read here, most of them: it looks only for spellings that ASCII has, and for numbers where one may be. */
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
  return listed(readWords(fold(text), false));
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
