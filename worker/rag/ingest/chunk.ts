/**
 * Documents to chunks: structure first, size second. Pure; the ingest job composes it with hashing and embedding.
 *
 * - Chunks are exact slices of the normalised text, in order, without overlap: joined they are the document. Only the data
 *   of data URIs is left out of what a chunk says; its `original` has it.
 * - Code blocks, tables and lists stay whole while they fit the hard maximum; bigger ones are cut at line ends,
 *   prose at sentence ends, a giant line at white space or between characters. Nothing is repeated or invented but a
 *   table's head, which heads each further chunk of it.
 * - Code is cut where its declarations begin; a heading is the names that the chunk declares.
 * - A heading, or a short line that ends with a colon, stays with what it introduces.
 * - Every decision looks only backwards, so text appended to a document leaves all its chunks but the last two as
 *   they were: their hashes, rows and vectors are kept. (Exception: runs of hundreds of punctuation marks, whose
 *   estimate depends on what touches them.)
 */
import type { DocumentFormat, OutlineEntry } from "../../ground/document.ts";
import { CHUNK_MAX_TOKENS, CHUNK_MIN_TOKENS, CHUNK_TARGET_TOKENS } from "../../limits.ts";
import { containerParts } from "../text/container-parts.ts";
import { type ReadableText, withoutData } from "../text/data-uris.ts";
import { type Block, scanMarkdown, scanPlainText } from "../text/markdown-blocks.ts";
import { normaliseText } from "../text/normalise.ts";
import { lineUnits, sentenceUnits, spanUnits, type Units } from "../text/text-units.ts";
import { estimateTokens } from "../text/tokens.ts";
import { continued, headingOf, type Named, staysApart, tableHead } from "./chunk-heading.ts";
import { outlineByIndentation } from "./code-outline.ts";

export interface Chunk {
  /** 0, 1, 2 … within the document. */
  ordinal: number;
  /**
   * The headings that all of the chunk stands under, outermost first: `"Backups › Restore"`, and the head of a table that began
   * before it: `"Stock › | Part | Count |"`; of code the names that it declares: `"Packer.add, Packer.finish"`; "" for none.
   */
  heading: string;
  text: string;
  /** The slice of the document, where `text` leaves out the data of data URIs; null where it is `text`. */
  original: string | null;
  /** Where the chunk begins in the normalised document, in UTF-16 code units. */
  start_offset: number;
  /** `estimateTokens(text)`, at most `max_tokens`; what is embedded with it (title, heading) comes on top. */
  token_count: number;
}

interface ChunkLimits {
  target_tokens: number;
  max_tokens: number;
  min_tokens: number;
}

const DEFAULT_LIMITS: ChunkLimits = {
  target_tokens: CHUNK_TARGET_TOKENS,
  max_tokens: CHUNK_MAX_TOKENS,
  min_tokens: CHUNK_MIN_TOKENS,
};
/** Longer paragraphs that end with a colon are content, not an introduction. */
const LEAD_IN_TOKENS_MAX = 60;

/** Text usually has four characters a token: a slice of twice that decides most questions of "too big". */
const PROBE_CHARS_PER_TOKEN = 8;

/** A run of text that no chunk boundary enters, with what it tells about the chunk it lands in. */
interface Piece extends Named {
  start: number;
  end: number;
  tokens: number;
  /** Stays with the piece after it. */
  leads: boolean;
}

/**
 * Splits a document into chunks. An empty document has none. Linear: about 17 MB/s of Markdown on one core.
 * `title` is left out of the heading paths, where a first-level heading would repeat it.
 */
export function chunkDocument(
  document: { text: string; title: string; format?: DocumentFormat; outline?: readonly OutlineEntry[] | undefined },
  limits: ChunkLimits = DEFAULT_LIMITS,
): Chunk[] {
  const original = normaliseText(document.text);
  const readable = withoutData(original);
  const text = readable?.text ?? original;
  const packer = new Packer(text, document.title.trim(), limits);
  if (document.format === "code") packer.addCode(document.outline ?? outlineByIndentation(text));
  else for (const block of document.format === "text" ? scanPlainText(text) : scanMarkdown(text)) packer.add(block);
  const chunks = packer.finish();
  return readable === undefined ? chunks : chunks.map((chunk) => withOriginal(chunk, original, readable));
}

function withOriginal(chunk: Chunk, document: string, { originalOffset }: ReadableText): Chunk {
  const start_offset = originalOffset(chunk.start_offset);
  const original = document.slice(start_offset, originalOffset(chunk.start_offset + chunk.text.length));
  return { ...chunk, start_offset, original: original === chunk.text ? null : original };
}

class Packer {
  private readonly text: string;
  private readonly title: string;
  private readonly limits: ChunkLimits;
  private readonly groups: Piece[][] = [];
  private current: Piece[] = [];
  /** Tokens of `current` up to `leads_from`, and after it: trailing pieces that belong to what follows them. */
  private body_tokens = 0;
  private lead_tokens = 0;
  private leads_from = 0;
  private headings: { level: number; title: string }[] = [];
  private path: readonly string[] | undefined;

  constructor(text: string, title: string, limits: ChunkLimits) {
    this.text = text;
    this.title = title;
    this.limits = limits;
  }

  add(block: Block): void {
    const tokens = this.tokensOf(block.start, block.end);
    const under = block.kind === "heading" ? this.enterSection(block.level ?? 1, block.title ?? "") : undefined;
    if (tokens <= this.limits.max_tokens) {
      const leads = block.kind === "heading" || (tokens <= LEAD_IN_TOKENS_MAX && this.endsWithColon(block));
      const placeless = block.kind === "heading" || block.kind === "front-matter";
      const path = placeless ? undefined : this.here();
      this.append({ start: block.start, end: block.end, tokens, leads, path, ...(under && { under }) });
      return;
    }
    this.closeIfGrown();
    if (block.kind === "list" || block.kind === "quote") {
      for (const part of containerParts(this.text, block)) this.add(part);
      return;
    }
    if (block.kind === "table") {
      const head = tableHead(this.text, block);
      this.split(block.start, head.end, [lineUnits, spanUnits], {});
      this.split(head.end, block.end, [lineUnits, spanUnits], { head: head.row });
      return;
    }
    const prose = block.kind !== "code";
    this.split(block.start, block.end, prose ? [sentenceUnits, lineUnits, spanUnits] : [lineUnits, spanUnits], {});
  }

  /** The whole text as code; lines of the outline that the text does not have name nothing. */
  addCode(outline: readonly OutlineEntry[]): void {
    let symbol: string | undefined;
    let start = 0;
    let from = 0;
    let number = 1;
    const addUntil = (end: number): void => {
      if (end > start) this.addDeclaration(start, end, symbol);
      start = end;
    };
    for (const entry of outline) {
      for (; number < entry.line && from < this.text.length; number += 1) {
        const feed = this.text.indexOf("\n", from);
        from = feed === -1 ? this.text.length : feed + 1;
      }
      if (number < entry.line || from === this.text.length) break;
      addUntil(from);
      symbol = entry.symbol || undefined;
    }
    addUntil(this.text.length);
  }

  private addDeclaration(start: number, end: number, symbol: string | undefined): void {
    this.closeIfGrown();
    const tokens = this.tokensOf(start, end);
    if (tokens <= this.limits.max_tokens) {
      this.append({ start, end, tokens, leads: false, path: undefined, symbol });
      return;
    }
    this.split(start, end, [lineUnits, spanUnits], { symbol });
  }

  finish(): Chunk[] {
    this.closeTail(this.current.length);
    return this.groups.flatMap((group) => this.toChunks(group)).map((chunk, ordinal) => ({ ordinal, ...chunk }));
  }

  /** One chunk; its last piece apart where the sum of rounded estimates let in more than the whole may cost. */
  private toChunks(group: readonly Piece[]): Omit<Chunk, "ordinal">[] {
    const start_offset = group[0]?.start ?? 0;
    const text = this.text.slice(start_offset, group.at(-1)?.end);
    const token_count = group.length === 1 ? sum(group) : estimateTokens(text);
    if (token_count > this.limits.max_tokens && group.length > 1)
      return [...this.toChunks(group.slice(0, -1)), ...this.toChunks(group.slice(-1))];
    return [{ heading: headingOf(group), text, original: null, start_offset, token_count }];
  }

  /** Returns the headings above this one. */
  private enterSection(level: number, title: string): readonly string[] {
    this.closeIfGrown();
    while ((this.headings.at(-1)?.level ?? 0) >= level) this.headings.pop();
    const under = this.headings.map((heading) => heading.title);
    if (this.leads_from > 0 && staysApart(this.current[0], under)) this.closeTail(this.leads_from);
    this.headings.push({ level, title });
    this.path = undefined;
    return under;
  }

  private here(): readonly string[] {
    if (this.path) return this.path;
    const path = this.headings.map((heading) => heading.title).filter((part) => part !== "");
    this.path = path[0] === this.title ? path.slice(1) : path;
    return this.path;
  }

  /** Small sections share a chunk; one that has enough content ends here. */
  private closeIfGrown(): void {
    if (this.body_tokens >= this.limits.min_tokens) this.close(this.leads_from);
  }

  private append(piece: Piece): void {
    const { target_tokens, max_tokens, min_tokens } = this.limits;
    const before = this.body_tokens + this.lead_tokens;
    const total = before + piece.tokens;
    const fits = total <= target_tokens || (before < min_tokens && total <= max_tokens);
    if (!fits) this.close(this.lead_tokens + piece.tokens <= max_tokens ? this.leads_from : this.current.length);
    this.current.push(piece);
    this.lead_tokens += piece.tokens;
    if (!piece.leads) {
      this.body_tokens += this.lead_tokens;
      this.lead_tokens = 0;
      this.leads_from = this.current.length;
    }
  }

  /** `name`: of the whole, whose parts are named as its beginning and what continues it. */
  private split(start: number, end: number, levels: readonly Units[], name: Omit<Named, "path">): void {
    const [level, ...finer] = levels;
    level?.(this.text, start, end, (from, to) => {
      const tokens = this.tokensOf(from, to);
      const part = from > start ? continued(name) : name;
      if (tokens > this.limits.max_tokens && finer.length > 0) this.split(from, to, finer, part);
      else this.append({ start: from, end: to, tokens, leads: false, path: this.here(), ...part });
    });
  }

  /** Estimated tokens; of a long slice that is too big anyway only a beginning, still over the maximum. */
  private tokensOf(start: number, end: number): number {
    const probe_end = start + PROBE_CHARS_PER_TOKEN * this.limits.max_tokens;
    const tokens = estimateTokens(this.text.slice(start, Math.min(end, probe_end)));
    if (end <= probe_end || tokens > this.limits.max_tokens) return tokens;
    return estimateTokens(this.text.slice(start, end));
  }

  /** Ends a chunk after the first `count` current pieces; what is left are leads of the next. */
  private close(count: number): void {
    if (count > 0) this.groups.push(this.current.slice(0, count));
    this.current = this.current.slice(count);
    this.body_tokens = 0;
    this.lead_tokens = sum(this.current);
    this.leads_from = 0;
  }

  /** As `close`; a chunk too small to stand alone goes to the one before it. */
  private closeTail(count: number): void {
    this.close(count);
    const tail = this.groups.at(-1);
    const before = this.groups.at(-2);
    if (!tail || !before || sum(tail) >= this.limits.min_tokens) return;
    if (sum(before) + sum(tail) > this.limits.max_tokens) return;
    if (tail[0]?.path !== undefined || !staysApart(before[0], tail[0]?.under ?? []))
      this.groups.splice(-2, 2, [...before, ...tail]);
  }

  private endsWithColon(block: Block): boolean {
    return block.kind === "paragraph" && this.text.slice(block.start, block.end).trimEnd().endsWith(":");
  }
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((total, piece) => total + piece.tokens, 0);
}
