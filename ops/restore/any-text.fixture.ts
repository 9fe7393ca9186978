/** For tests: texts of all scripts of Unicode, and those on which a reader of texts is likely to stumble. */
import fc from "fast-check";

/** Han and Hangul have ten times the letters of all others together; some of each are enough. */
const LETTERS_OF_A_LARGE_SCRIPT = 500;
/** A word takes letters that stand so near each other in Unicode: mostly one script. */
const NEIGHBOURS = 40;

/** Every letter, mark and digit, in the order of Unicode. */
const LETTERS: readonly string[] = (() => {
  const found: string[] = [];
  const large = { han: 0, hangul: 0 };
  for (let point = 0; point <= 0x10ffff; point += 1) {
    const letter = String.fromCodePoint(point);
    if (!/[\p{L}\p{M}\p{N}]/u.test(letter)) continue;
    if (/\p{Script=Han}/u.test(letter) && ++large.han > LETTERS_OF_A_LARGE_SCRIPT) continue;
    if (/\p{Script=Hangul}/u.test(letter) && ++large.hangul > LETTERS_OF_A_LARGE_SCRIPT) continue;
    found.push(letter);
  }
  return found;
})();

const word = fc
  .tuple(
    fc.nat(LETTERS.length - NEIGHBOURS),
    fc.array(fc.nat(NEIGHBOURS - 1), { minLength: 1, maxLength: 9, size: "max" }),
  )
  .map(([from, steps]) => steps.map((step) => LETTERS[from + step] ?? "").join(""));

/** Words beside digits and foreign letters, FTS5's operators and quotes, what looks like nothing, what joins. */
export const STUMBLING = [
  "Übersicht der Anlagen",
  "blob0 storage",
  "naïveté",
  "cafe\u0301s",
  "x86_64",
  "generalization universities",
  "AND",
  "NEAR(one two, 3)",
  "title : text",
  '"quoted ""twice"',
  "it's '' % _ * ^ - + ( ) { } [ ] ; --",
  "*",
  "...",
  "",
  "   ",
  "\t\n",
  "😀👩‍👩‍👧‍👦🏴‍☠️",
  "हिन्दी पाठ",
  "ภาษาไทยไม่มีช่องว่าง",
  "漢字かなカナ한글",
  "שָׁלוֹם",
  "مَرْحَبًا",
  "Ⅷ²½①",
  "\u202Eright to left",
  "zero\u200Bwidth\u2060joined",
  "\uE000private",
  "\uFFFD",
  "1e400 0x10 -0 9007199254740993",
] as const;

const piece = fc.oneof(
  { weight: 5, arbitrary: word },
  { weight: 3, arbitrary: fc.constantFrom(...STUMBLING) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
  { weight: 1, arbitrary: fc.integer().map(String) },
);

/** Any text, NUL included; often short, sometimes empty. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.tuple(piece, fc.constantFrom(" ", " ", "", "0", "_", "-", "\n", "\u00A0", "\u200D")), {
    maxLength: 12,
    size: "max",
  })
  .map((pieces) => pieces.flat().join(""));
