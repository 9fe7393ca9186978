/** A document as every room below the faces sees it. */

export type Metadata = Record<string, string | number | boolean>;

export interface DocumentInput {
  id: string;
  title: string;
  text: string;
  format: "markdown" | "text";
  url: string | null;
  metadata: Metadata;
}
