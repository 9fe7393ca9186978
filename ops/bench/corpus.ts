/**
 * A corpus for benches: any number of paragraphs, the same ones for the same seed and vocabulary.
 *
 * What makes full-text search cheap or dear is how often words occur, so the words of real documents are drawn by
 * Zipf's law (rank^-1 over the vocabulary in order of frequency), and a long tail of rare words is coined from
 * their halves: a few documents alone would make every word a frequent one. The text means nothing.
 */

/** Words in a vocabulary: what Heaps' law gives for about a million words of English, and with its exponent of a half for more. */
const VOCABULARY_WORDS = 30_000;
const VOCABULARY_PARAGRAPHS = 10_000;
const PARAGRAPH_CHARACTERS = 800;

export interface Paragraph {
  id: string;
  title: string;
  text: string;
}

export type Random = () => number;

/** Deterministic numbers in [0, 1): mulberry32, enough for drawing words. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Words in order of frequency: those of `sources` first, then coined ones up to what so many `paragraphs` have. */
export function vocabulary(sources: readonly string[], paragraphs: number, random: Random): string[] {
  const wanted = Math.round(VOCABULARY_WORDS * Math.sqrt(Math.max(1, paragraphs / VOCABULARY_PARAGRAPHS)));
  const counts = new Map<string, number>();
  for (const word of sources
    .join("\n")
    .toLowerCase()
    .match(/[a-z]{1,20}/g) ?? []) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const known = [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([word]) => word);
  const long = known.filter((word) => word.length >= 4);
  if (long.length < 100) throw new Error(`A vocabulary needs 100 words of four letters or more, not ${long.length}.`);
  const words = new Set(known);
  while (words.size < wanted) {
    const front = pick(long, random);
    let coined = front.slice(0, Math.ceil(front.length / 2));
    // A small vocabulary has few pairs of halves; a word that exists already grows by another half.
    do {
      const back = pick(long, random);
      coined += back.slice(Math.floor(back.length / 2));
    } while (words.has(coined));
    words.add(coined);
  }
  return [...words];
}

/** Paragraphs of about 800 characters without end, each small enough to be one chunk. */
export function* paragraphs(words: readonly string[], random: Random): Generator<Paragraph, never> {
  const draw = zipf(words, random);
  for (let index = 0; ; index += 1)
    yield {
      id: `bench-${String(index).padStart(6, "0")}`,
      title: sentenceOf(3 + Math.floor(random() * 4), draw).slice(0, -1),
      text: paragraphOf(draw, random),
    };
}

/**
 * A question about a paragraph: two to ten of its words, each once, stopwords left out. What the vocabulary's law
 * makes frequent is frequent in queries too, as with people.
 */
export function queryAbout(paragraph: Paragraph, stopwords: ReadonlySet<string>, random: Random): string {
  const words = paragraph.text.toLowerCase().match(/[a-z]+/g) ?? [];
  const content = [...new Set(words.filter((word) => word.length > 1 && !stopwords.has(word)))];
  const length = Math.min(2 + Math.floor(random() * 9), content.length);
  return Array.from({ length }, () => content.splice(Math.floor(random() * content.length), 1)[0]).join(" ");
}

function paragraphOf(draw: () => string, random: Random): string {
  const sentences: string[] = [];
  for (let size = 0; size < PARAGRAPH_CHARACTERS; ) {
    const sentence = sentenceOf(8 + Math.floor(random() * 15), draw);
    sentences.push(sentence);
    size += sentence.length + 1;
  }
  return sentences.join(" ");
}

function sentenceOf(length: number, draw: () => string): string {
  const text = Array.from({ length }, draw).join(" ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Draws words with a probability of 1/rank: inverse of the cumulative sums by bisection. */
function zipf(words: readonly string[], random: Random): () => string {
  const cumulative: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= words.length; rank += 1) {
    sum += 1 / rank;
    cumulative.push(sum);
  }
  return () => {
    const target = random() * sum;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] ?? sum) < target) low = middle + 1;
      else high = middle;
    }
    return words[low] ?? "";
  };
}

function pick(words: readonly string[], random: Random): string {
  return words[Math.floor(random() * words.length)] ?? "";
}
