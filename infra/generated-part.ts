/** The part of a document that `npm run generate` writes, between two marks. */
export interface GeneratedPart {
  /** Path of the document, for an error. */
  document: string;
  begin: string;
  end: string;
}

/** The document's text with a fresh part. Throws where a mark is missing. */
export function withPart(text: string, { document, begin, end }: GeneratedPart, part: string): string {
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${document} lacks ${begin} … ${end}`);
  return `${before}${begin}\n\n${part}\n\n${end}${after}`;
}
