/**
 * Entity tags and the conditions of a request on them (RFC 9110, sections 8.8.3 and 13). Pure; conditions stay as the
 * headers that were sent, so that a write that waits can carry them along.
 */
import { Problem } from "./problem.ts";

export interface Precondition {
  if_match?: string | undefined;
  if_none_match?: string | undefined;
}

/** What a tag is made of; null stands for a document that does not exist. */
export interface TaggedState {
  version: number;
  /** SHA-256 in hex of all that a caller wrote. */
  content_hash: string;
  /** When the document was created. */
  created_at_ms: number;
}

/** Thrown where a condition does not hold: nothing was changed then. */
export class PreconditionFailed extends Error {
  override name = "PreconditionFailed";
}

const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"/g;
/**
 * `*`, or a list of tags. White space is only tried in one place: with two of them each blank between commas would double the time
 * that a wrong list takes.
 */
export const CONDITION =
  /^[ \t]*\*[ \t]*$|^[ \t,]*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"(?:[ \t]*,(?:[ \t]*(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*")?)*[ \t]*$/;
const HASH_CHARS = 32;

/**
 * A strong tag. Versions begin anew when a document is deleted and written again: the hash tells other content, the time of creation
 * tells the same content with other chunks.
 */
export function entityTag({ version, content_hash, created_at_ms }: TaggedState): string {
  return `"${version}-${content_hash.slice(0, HASH_CHARS)}-${created_at_ms.toString(36)}"`;
}

/** The conditions of a request. Throws an `invalid-request` problem where a header is neither `*` nor a list of tags. */
export function preconditionOf(header: (name: string) => string | undefined): Precondition | undefined {
  const if_match = header("if-match");
  const if_none_match = header("if-none-match");
  for (const [name, value] of Object.entries({ "If-Match": if_match, "If-None-Match": if_none_match })) {
    if (value !== undefined && !CONDITION.test(value)) {
      throw new Problem("invalid-request", `\`${name}\` takes ETags like "3-ab12", separated by commas, or *.`);
    }
  }
  return if_match === undefined && if_none_match === undefined ? undefined : { if_match, if_none_match };
}

/** Which header does not hold for a document as it is; null when all do. `If-Match` compares strongly, the other weakly. */
export function failedHeader(
  { if_match, if_none_match }: Precondition,
  current: TaggedState | null,
): "If-Match" | "If-None-Match" | null {
  if (if_match !== undefined && !names(if_match, current, false)) return "If-Match";
  if (if_none_match !== undefined && names(if_none_match, current, true)) return "If-None-Match";
  return null;
}

/** @throws PreconditionFailed */
export function requirePrecondition(precondition: Precondition | undefined, current: TaggedState | null): void {
  const header = precondition && failedHeader(precondition, current);
  if (!header) return;
  const state = current === null ? "the document does not exist" : `the document's ETag is ${entityTag(current)}`;
  throw new PreconditionFailed(`${header} does not hold: ${state}`);
}

function names(header: string, current: TaggedState | null, weakly: boolean): boolean {
  if (current === null) return false;
  if (header.trim() === "*") return true;
  const tag = entityTag(current);
  return (header.match(TAG) ?? []).some((named) => named === tag || (weakly && named === `W/${tag}`));
}
