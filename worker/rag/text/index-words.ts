/**
 * What of a chunk's words FTS5 cannot find by itself, for the column `chunks.words`. Pure.
 *
 * FTS5 reads title, heading and text with `unicode61`, which knows neither newer scripts nor marks beyond Latin. Where it
 * reads a word exactly as `words.ts` does, the word is not stored again: for English that is every word but
 * compounds. `index-words.test.ts` compares both, character by character.
 */
import { readWords } from "./read-words.ts";
import { fold, joinedNames } from "./words.ts";

/**
 * Raise it when {@link indexWords}, `codeIndexWords` or what they read words with finds other words in the same text: cron then reads
 * every stored chunk again (`store/chunk-words.ts`). `index-words.test.ts` notices.
 */
export const WORDS_VERSION = 5;

/**
 * Runs between characters that certainly separate words. `unicode61` takes code points that its Unicode did not know, newer
 * emoji among them, for parts of a word; beside one of those a word is stored again.
 */
const RUN =
  /[^\0-\x2F\x3A-\x40\x5B-\x60\x7B-\xA9\xAB\xAC\xAE-\xB1\xB4\xB6-\xB8\xBB\xBF\xD7\xF7\u2000-\u200A\u2010-\u2027\u2030-\u205E\u20A0-\u20AC\u2190-\u23F3\u2500-\u26FF\u2701-\u275A\u3000-\u3003\u3008-\u3020]+/gu;
/** Letters that `unicode61 remove_diacritics 2` folds as `fold` does: Latin, Greek, Cyrillic, Hebrew, Arabic. */
const ALIKE =
  "0-9A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u0131\u0134-\u013E\u0141-\u0148\u014A-\u017E" +
  "\u0391-\u03A1\u03A3-\u03A9\u03B1-\u03C1\u03C3-\u03C9" +
  "\u0402\u0404-\u0406\u0408-\u040B\u040F-\u0418\u041A-\u0438\u043A-\u044F\u0452\u0454-\u0456\u0458-\u045B\u045F" +
  "\u05D0-\u05EA\u0621\u0627-\u063F\u0641-\u0648\u064A";
const READ_ALIKE = new RegExp(`^[${ALIKE}]+$`);
/** Kana, Han and Hangul come in pairs here and in runs there, but a pair, once stored, is left in one piece. */
const KEPT = new RegExp(`^[${ALIKE}\u3041-\u3096\u30A1-\u30FA\u30FC\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7A3]+$`);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is the definition of ASCII
const ASCII = /^[\x00-\x7F]*$/;
/** Enough base-36 digits for every code point. */
const CODE_POINT_DIGITS = 4;

/**
 * How the index spells a word: as it is where `unicode61` keeps it in one piece, else in ASCII by its code points. The
 * closing zero keeps Porter's stemmer away.
 */
export function indexTerm(word: string): string {
  if (KEPT.test(word)) return word;
  const digits = Array.from(word, (character) =>
    (character.codePointAt(0) ?? 0).toString(36).padStart(CODE_POINT_DIGITS, "0"),
  );
  return `u${digits.join("")}0`;
}

/** The column's value for a chunk's title, heading and text, in stored form; empty when FTS5 finds all by itself. */
export function indexWords(...texts: readonly string[]): string {
  const terms: string[] = [];
  const add = (folded: string): void => {
    const { bounds } = readWords(folded);
    for (let at = 0; at < bounds.length; at += 2) terms.push(indexTerm(folded.slice(bounds[at], bounds[at + 1])));
  };
  for (const text of texts) {
    if (!ASCII.test(text)) for (const [run] of text.matchAll(RUN)) if (!READ_ALIKE.test(run)) add(fold(run));
    for (const name of joinedNames(text)) add(name);
  }
  return terms.join(" ");
}
