/**
 * Porter's stemmer (Porter 1980, "An algorithm for suffix stripping"), in the variant of SQLite's FTS5 `porter`
 * tokenizer, so that terms counted here are the terms the index holds. Pure; `stem.test.ts` compares it with FTS5.
 */

/** FTS5 leaves tokens outside these byte lengths alone (`fts5PorterCb`, FTS5_PORTER_MAX_TOKEN). */
const STEM_LENGTH_MIN = 3;
const STEM_LENGTH_MAX = 64;

const isVowel = (code: number): boolean => code === 97 || code === 101 || code === 105 || code === 111 || code === 117;

/** Whether the letter at `index` is a consonant; `y` is one at the start and after a vowel. */
function isConsonant(word: string, index: number): boolean {
  const code = word.charCodeAt(index);
  if (isVowel(code)) return false;
  if (code !== 121) return true;
  return index === 0 || !isConsonant(word, index - 1);
}

/** Number of vowel-consonant sequences in the first `length` letters, counted up to `limit`. */
function measure(word: string, length: number, limit: number): number {
  let count = 0;
  let afterVowel = false;
  for (let index = 0; index < length; index += 1) {
    const consonant = isConsonant(word, index);
    if (consonant && afterVowel) {
      count += 1;
      if (count >= limit) return count;
    }
    afterVowel = !consonant;
  }
  return count;
}

function hasVowel(word: string, length: number): boolean {
  for (let index = 0; index < length; index += 1) if (!isConsonant(word, index)) return true;
  return false;
}

/** Whether the first `length` letters end consonant-vowel-consonant, the last not being w, x or y. */
function endsShort(word: string, length: number): boolean {
  if (length < 3) return false;
  const last = word.charCodeAt(length - 1);
  if (last === 119 || last === 120 || last === 121) return false;
  return isConsonant(word, length - 1) && !isConsonant(word, length - 2) && isConsonant(word, length - 3);
}

/** Whether the word ends with a letter twice; FTS5 counts `y` as a consonant here, wherever it stands. */
function endsDouble(word: string): boolean {
  const end = word.length - 1;
  const last = word.charCodeAt(end);
  return end >= 1 && last === word.charCodeAt(end - 1) && !isVowel(last);
}

type Rule = readonly [suffix: string, replacement: string];

const STEP_2: readonly Rule[] = [
  ["ational", "ate"],
  ["tional", "tion"],
  ["enci", "ence"],
  ["anci", "ance"],
  ["izer", "ize"],
  ["logi", "log"],
  ["bli", "ble"],
  ["alli", "al"],
  ["entli", "ent"],
  ["eli", "e"],
  ["ousli", "ous"],
  ["ization", "ize"],
  ["ation", "ate"],
  ["ator", "ate"],
  ["alism", "al"],
  ["iveness", "ive"],
  ["fulness", "ful"],
  ["ousness", "ous"],
  ["aliti", "al"],
  ["iviti", "ive"],
  ["biliti", "ble"],
];

const STEP_3: readonly Rule[] = [
  ["icate", "ic"],
  ["ative", ""],
  ["alize", "al"],
  ["iciti", "ic"],
  ["ical", "ic"],
  ["ful", ""],
  ["ness", ""],
];

const STEP_4 = [
  ..."al ance ence er ic able ible ant ement ment ent".split(" "),
  ..."ion ou ism ate iti ous ive ize".split(" "),
] as const;

/** The first rule whose suffix fits decides, whether or not its stem is long enough. */
function replaceSuffix(word: string, rules: readonly Rule[]): string {
  for (const [suffix, replacement] of rules) {
    if (!word.endsWith(suffix)) continue;
    const length = word.length - suffix.length;
    return measure(word, length, 1) > 0 ? word.slice(0, length) + replacement : word;
  }
  return word;
}

/** Whether the word ends with the suffix and is longer: FTS5 takes no word for a mere suffix. */
const has = (word: string, suffix: string): boolean => word.length > suffix.length && word.endsWith(suffix);

function step1a(word: string): string {
  if (!word.endsWith("s")) return word;
  if (has(word, "sses") || has(word, "ies")) return word.slice(0, -2);
  return word.endsWith("ss") ? word : word.slice(0, -1);
}

function step1b(word: string): string {
  if (has(word, "eed")) return measure(word, word.length - 3, 1) > 0 ? word.slice(0, -1) : word;
  const cut = word.endsWith("ed") ? 2 : word.endsWith("ing") ? 3 : 0;
  if (cut === 0 || !hasVowel(word, word.length - cut)) return word;
  const stripped = word.slice(0, -cut);
  if (stripped.endsWith("at") || stripped.endsWith("bl") || stripped.endsWith("iz")) return `${stripped}e`;
  if (endsDouble(stripped) && !/[lsz]$/.test(stripped)) return stripped.slice(0, -1);
  if (measure(stripped, stripped.length, 2) === 1 && endsShort(stripped, stripped.length)) return `${stripped}e`;
  return stripped;
}

function step4(word: string): string {
  for (const suffix of STEP_4) {
    if (!word.endsWith(suffix)) continue;
    const length = word.length - suffix.length;
    if (suffix === "ion" && !/[st]$/.test(word.slice(0, length))) return word;
    return measure(word, length, 2) > 1 ? word.slice(0, length) : word;
  }
  return word;
}

function step5(word: string): string {
  let result = word;
  if (result.endsWith("e")) {
    const length = result.length - 1;
    const count = measure(result, length, 2);
    if (count > 1 || (count === 1 && !endsShort(result, length))) result = result.slice(0, -1);
  }
  if (result.endsWith("ll") && measure(result, result.length - 1, 2) > 1) result = result.slice(0, -1);
  return result;
}

/** The stem of one lower-case word. */
export function stem(word: string): string {
  if (word.length < STEM_LENGTH_MIN || word.length > STEM_LENGTH_MAX) return word;
  let result = step1b(step1a(word));
  if (result.endsWith("y") && hasVowel(result, result.length - 1)) result = `${result.slice(0, -1)}i`;
  result = replaceSuffix(result, STEP_2);
  result = replaceSuffix(result, STEP_3);
  return step5(step4(result));
}
