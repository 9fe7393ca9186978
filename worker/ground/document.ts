/** A document as every room below the faces sees it. */

export type Metadata = Record<string, string | number | boolean>;

export const DOCUMENT_FORMATS = ["markdown", "text", "code"] as const;
export type DocumentFormat = (typeof DOCUMENT_FORMATS)[number];

/** From its line on, source code belongs to a declaration. */
export interface OutlineEntry {
  /** From 1. */
  line: number;
  /** With what it belongs to: `Packer.add`; empty for what is outside of declarations. */
  symbol: string;
}

export interface DocumentInput {
  id: string;
  title: string;
  text: string;
  format: DocumentFormat;
  /** Of code whose writer has parsed it, by ascending lines; without it, the Worker goes by indentation. */
  outline?: readonly OutlineEntry[] | undefined;
  url: string | null;
  metadata: Metadata;
}
