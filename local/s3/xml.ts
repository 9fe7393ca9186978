/** S3's XML: writing answers, reading the two bodies that requests have. */
import { parseXML } from "@aws-sdk/xml-builder";
import { S3Error } from "./s3-error.ts";

/** Elements by their names, in this order: of a list one for each entry, of undefined none. */
export interface XmlFields {
  [name: string]: XmlContent | readonly XmlContent[] | undefined;
}
type XmlContent = string | number | boolean | XmlFields;

/** A whole document. Control characters become references, as S3 writes them: keys may contain any. */
export function xmlDocument(name: string, content: XmlContent): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner(content)}</${name}>`;
}

/** An error document, which has no namespace. */
export function xmlError(fields: XmlFields): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error>${inner(fields)}</Error>`;
}

function inner(content: XmlContent): string {
  if (typeof content !== "object") {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
    return String(content).replace(/[&<>"'\u0000-\u001f\u0085\u2028]/g, (character) => `&#${character.charCodeAt(0)};`);
  }
  return Object.entries(content)
    .flatMap(([name, value = []]) => [value].flat().map((child) => `<${name}>${inner(child)}</${name}>`))
    .join("");
}

/** The body of DeleteObjects. Errors: MalformedXML; NotImplemented for versions, which R2 does not have. */
export function parseDelete(text: string): { keys: string[]; quiet: boolean } {
  const root = parse(text, "Delete");
  const keys = list(root.Object).map((entry) => {
    const { Key, VersionId, ETag } = record(entry);
    if (VersionId !== undefined || ETag !== undefined)
      throw new S3Error("NotImplemented", "VersionId and ETag in DeleteObjects not implemented");
    if (typeof Key !== "string" || Key === "") throw malformed();
    return Key;
  });
  if (root.Quiet !== undefined && root.Quiet !== "true" && root.Quiet !== "false") throw malformed();
  return { keys, quiet: root.Quiet === "true" };
}

export interface CompletedPart {
  part_number: number;
  /** Without quotes. */
  etag: string;
}

/** The body of CompleteMultipartUpload, in the client's order. Errors: MalformedXML. */
export function parseCompletion(text: string): CompletedPart[] {
  const parts = list(parse(text, "CompleteMultipartUpload").Part).map((entry) => {
    const { PartNumber, ETag } = record(entry);
    const part_number = typeof PartNumber === "string" && /^\s*\d+\s*$/.test(PartNumber) ? Number(PartNumber) : 0;
    if (part_number < 1 || typeof ETag !== "string") throw malformed();
    return { part_number, etag: ETag.trim().replaceAll('"', "") };
  });
  if (parts.length === 0) throw malformed();
  return parts;
}

function malformed(): S3Error {
  return new S3Error(
    "MalformedXML",
    "The XML you provided was not well formed or did not validate against our published schema.",
  );
}

function parse(text: string, root: string): Record<string, unknown> {
  // The parser cuts references beyond U+FFFF to 16 bits, which would name another key.
  const astral = text.replace(/&#(?:x([0-9a-f]{5,6})|(\d{5,7}));/gi, (reference, hex, decimal) => {
    const point = hex ? Number.parseInt(hex, 16) : Number(decimal);
    return point > 0xffff && point <= 0x10ffff ? String.fromCodePoint(point) : reference;
  });
  let document: Record<string, unknown>;
  try {
    document = record(parseXML(astral));
  } catch {
    throw malformed();
  }
  return record(document[root]);
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed();
  return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
