/** Letters as words are compared by: what a reader sees as the same letter is one, whatever its case, encoding or keyboard. Pure. */

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
export function foldLetters(text: string): string {
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
