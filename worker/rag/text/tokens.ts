/**
 * A cheap estimate of how many Llama-3 tokens a text costs.
 *
 * The real tokenizer carries 128 k merges (over 1 MB), more than the Worker may spend in bundle size or CPU, so this
 * walks the text once along the pre-tokenizer's boundaries (words with their leading space, digits by three,
 * punctuation runs, newlines) and charges each piece its average cost. The averages were measured with
 * `llama3-tokenizer-js` on English prose, Markdown, JavaScript and READMEs in eight languages; `tokens.test.ts` states
 * the error by kind of text. Billing uses the provider's `usage`, never this.
 */

/** Average tokens per character of scripts that byte-pair merges cover unevenly. */
const TOKENS_PER_HAN = 0.78;
const TOKENS_PER_KANA = 0.67;
const TOKENS_PER_HANGUL = 0.72;
const TOKENS_PER_CYRILLIC = 0.31;
const TOKENS_PER_LATIN_ACCENTED = 0.32;
const TOKENS_PER_OTHER_LETTER = 0.75;
/** Emoji and other characters outside the basic plane, per character. */
const TOKENS_PER_ASTRAL = 2.2;

const SPACE = 1;
const NEWLINE = 2;
const DIGIT = 3;
const LOWER = 4;
const UPPER = 5;
const PUNCTUATION = 6;
const LATIN = 7;
const CYRILLIC = 8;
const HAN = 9;
const KANA = 10;
const HANGUL = 11;
const OTHER = 12;
const ASTRAL = 13;

const ASCII_CLASS = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === 10 || code === 13) return NEWLINE;
  if (code <= 32) return SPACE;
  if (code >= 48 && code <= 57) return DIGIT;
  if (code >= 97 && code <= 122) return LOWER;
  if (code >= 65 && code <= 90) return UPPER;
  return PUNCTUATION;
});

function classOf(code: number): number {
  if (code < 128) return ASCII_CLASS[code] ?? OTHER;
  if (code < 0xc0) return code === 0xa0 ? SPACE : PUNCTUATION;
  if (code < 0x250) return LATIN;
  if (code >= 0x400 && code < 0x530) return CYRILLIC;
  if (code >= 0x2000 && code < 0x2c00) return PUNCTUATION;
  if (code >= 0x3000 && code < 0x3040) return PUNCTUATION;
  if (code >= 0x3040 && code < 0x3100) return KANA;
  if (code >= 0x3400 && code < 0xa000) return HAN;
  if (code >= 0xac00 && code < 0xd7b0) return HANGUL;
  if (code >= 0xd800 && code < 0xe000) return ASTRAL;
  if (code >= 0xff00 && code < 0xff66) return PUNCTUATION;
  return OTHER;
}

const PER_CHARACTER: Readonly<Record<number, number>> = {
  [LATIN]: TOKENS_PER_LATIN_ACCENTED,
  [CYRILLIC]: TOKENS_PER_CYRILLIC,
  [HAN]: TOKENS_PER_HAN,
  [KANA]: TOKENS_PER_KANA,
  [HANGUL]: TOKENS_PER_HANGUL,
  [OTHER]: TOKENS_PER_OTHER_LETTER,
  [ASTRAL]: TOKENS_PER_ASTRAL / 2,
};

function isLetter(kind: number): boolean {
  return kind === LOWER || kind === UPPER || kind >= LATIN;
}

/** Cost of an ASCII word: words after a space are mostly whole entries of the vocabulary, others split sooner. */
function wordTokens(length: number, capitals: number, startsUpper: boolean, afterSpace: boolean): number {
  if (capitals === length && length > 2) return Math.max(1, length / 2.4);
  const humps = startsUpper ? capitals - 1 : capitals;
  if (humps > 0) return Math.max(humps + 0.7, length / 5);
  if (startsUpper) return 1 + 0.12 * Math.max(0, length - 3);
  if (!afterSpace) return 1 + 0.16 * Math.max(0, length - 4);
  return 1 + 0.045 * Math.max(0, length - 6) + 0.25 * Math.max(0, length - 13);
}

/**
 * Estimated Llama-3 tokens of `text`, without begin-of-text or chat markers; 0 for the empty string.
 * One pass, no allocation: about 100 MB/s.
 */
export function estimateTokens(text: string): number {
  const length = text.length;
  let tokens = 0;
  let at = 0;
  while (at < length) {
    const kind = classOf(text.charCodeAt(at));
    const start = at;
    if (kind === SPACE || kind === NEWLINE) {
      let newline = false;
      while (at < length) {
        const next = classOf(text.charCodeAt(at));
        if (next === NEWLINE) newline = true;
        else if (next !== SPACE) break;
        at++;
      }
      // The last space joins the word or punctuation that follows; digits and newlines do not take it.
      const joins = at < length && !newline && classOf(text.charCodeAt(at)) !== DIGIT;
      const indented = newline && classOf(text.charCodeAt(at - 1)) === SPACE;
      if (newline) tokens += indented ? 2 : 1;
      else if (at - start > 1 || !joins) tokens += 1;
      continue;
    }
    if (kind === DIGIT) {
      while (at < length && classOf(text.charCodeAt(at)) === DIGIT) at++;
      tokens += Math.ceil((at - start) / 3);
      continue;
    }
    if (kind === PUNCTUATION) {
      const first = text.charCodeAt(at);
      let same = true;
      while (at < length && classOf(text.charCodeAt(at)) === PUNCTUATION) {
        if (text.charCodeAt(at) !== first) same = false;
        at++;
      }
      const run = at - start;
      const joinsWord = run === 1 && at < length && isLetter(classOf(text.charCodeAt(at)));
      tokens += joinsWord ? 0.75 : 1 + (same ? 0.03 : 0.33) * Math.max(0, run - 3);
      // Newlines right after punctuation belong to its token.
      while (at < length && classOf(text.charCodeAt(at)) === NEWLINE) at++;
      continue;
    }
    const before = start > 0 ? classOf(text.charCodeAt(start - 1)) : SPACE;
    let capitals = 0;
    let ascii = true;
    let foreign = 0;
    while (at < length) {
      const next = classOf(text.charCodeAt(at));
      if (!isLetter(next)) break;
      if (next === UPPER) capitals++;
      else if (next !== LOWER) ascii = false;
      foreign += PER_CHARACTER[next] ?? TOKENS_PER_LATIN_ACCENTED;
      at++;
    }
    tokens += ascii ? wordTokens(at - start, capitals, kind === UPPER, before === SPACE) : Math.max(1, foreign);
  }
  return Math.round(tokens);
}
