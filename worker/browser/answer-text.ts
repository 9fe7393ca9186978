/** How an answer and its passages are cut into pieces. Pure. */

/** Of a source of an answer, what is shown. */
export interface Passage {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  url: string | null;
  /** What of the chunk the model was given. */
  text: string;
}

/** Of a citation, what is needed: whose it is, where the answer shows it, and what it quotes. */
export interface Cited {
  chunk_id: number;
  mark_start: number;
  mark_end: number;
  quote: string;
}

/** The answer's text, with each mark as the index of its passage. Marks of passages that are not there stay text. */
export function answerParts(
  written: string,
  citations: readonly Cited[],
  passages: readonly Pick<Passage, "chunk_id">[],
): (string | { index: number })[] {
  const parts: (string | { index: number })[] = [];
  let done = 0;
  for (const { chunk_id, mark_start, mark_end } of citations.toSorted((a, b) => a.mark_start - b.mark_start)) {
    const index = passages.findIndex((passage) => passage.chunk_id === chunk_id);
    if (index < 0 || mark_start < done || mark_end > written.length) continue;
    parts.push(written.slice(done, mark_start), { index });
    done = mark_end;
  }
  return [...parts, written.slice(done)].filter((one) => one !== "");
}

export interface Piece {
  text: string;
  is_cited: boolean;
}

/** The passage's text, cut where quotes of it begin and end. A quote that is not in it marks nothing. */
export function passagePieces(text: string, citations: readonly Pick<Cited, "quote">[]): Piece[] {
  const spans = citations
    .map(({ quote }) => ({ start: quote === "" ? -1 : text.indexOf(quote), length: quote.length }))
    .filter(({ start }) => start >= 0)
    .toSorted((a, b) => a.start - b.start);
  const pieces: Piece[] = [];
  let done = 0;
  for (const { start, length } of spans) {
    const [from, to] = [Math.max(done, start), start + length];
    if (to <= done) continue;
    pieces.push({ text: text.slice(done, from), is_cited: false }, { text: text.slice(from, to), is_cited: true });
    done = to;
  }
  return [...pieces, { text: text.slice(done), is_cited: false }].filter((piece) => piece.text !== "");
}
