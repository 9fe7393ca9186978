/**
 * The characters of a file that is text. It may say in which encoding it is, as HTML's rules have it: by a byte order mark, by what
 * was declared with it, by the page itself. Nothing is guessed: what says nothing is UTF-8, or refused. Pure.
 * https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding
 */

/** Where a page must have said it: the same rules. */
const SAID_WITHIN_BYTES = 1_024;
const COMMENT = /<!--[\s\S]*?(?:-->|$)/g;
const META = /<meta(?=[\s/])(?:[^>"']|"[^"]*"|'[^']*')*>/gi;
const ATTRIBUTE = /([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;
const IN_CONTENT = /charset\s*=\s*["']?([^\s"';]+)/i;
const XML_DECLARATION = /^<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)["']/;

/** The text, or null where the bytes are not in the encoding that they should be in. `charset`: what was declared with the file. */
export function textOfBytes(bytes: Uint8Array, media_type: string, charset?: string): string | null {
  try {
    return new TextDecoder(encodingOf(bytes, media_type, charset), { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return null;
  }
}

/** Whether the bytes are UTF-8, and whoever reads them without having been told would know. */
export function isPlainlyUtf8(bytes: Uint8Array, media_type: string, charset?: string): boolean {
  return [charset, undefined].every((declared) => encodingOf(bytes, media_type, declared) === "utf-8");
}

/** The one name of an encoding that is known by many; undefined for one that nobody knows. */
export function encodingNamed(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

function encodingOf(bytes: Uint8Array, media_type: string, charset: string | undefined): string {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (charset !== undefined) return charset;
  return (media_type === "text/html" && encodingSaid(bytes)) || "utf-8";
}

/** What a page says of itself; undefined where it says nothing, or what nobody knows. */
function encodingSaid(bytes: Uint8Array): string | undefined {
  const begin = new TextDecoder("latin1").decode(bytes.subarray(0, SAID_WITHIN_BYTES));
  const labels = begin.replace(COMMENT, "").match(META)?.map(labelOf) ?? [];
  for (const label of [...labels, XML_DECLARATION.exec(begin)?.[1]]) {
    const encoding = label === undefined ? undefined : encodingNamed(label);
    // It was read as ASCII, so it cannot be that.
    if (encoding !== undefined) return encoding.startsWith("utf-16") ? "utf-8" : encoding;
  }
  return undefined;
}

function labelOf(meta: string): string | undefined {
  const attributes = new Map<string, string>();
  for (const [, name = "", ...values] of meta.matchAll(ATTRIBUTE)) {
    // Of two attributes of one name the first counts.
    const known = name.toLowerCase();
    if (!attributes.has(known)) attributes.set(known, values.find((value) => value !== undefined) ?? "");
  }
  const isContentType = attributes.get("http-equiv")?.trim().toLowerCase() === "content-type";
  const said = isContentType ? IN_CONTENT.exec(attributes.get("content") ?? "")?.[1] : undefined;
  return attributes.get("charset") ?? said;
}
