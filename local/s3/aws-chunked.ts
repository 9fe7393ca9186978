/**
 * The `aws-chunked` body: `<hex size>[;chunk-signature=<hex>]\r\n<data>\r\n … 0\r\n[trailers]\r\n`.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { S3_CHUNK_LINE_MAX_BYTES } from "../limits.ts";
import { S3Error } from "./s3-error.ts";
import { type Authenticated, hmac, sha256Hex } from "./sigv4.ts";

/**
 * The data inside `source`; trailers are added to `trailers` (lower-case names) when the end is reached. With `signed`,
 * each chunk's signature is checked after its data has passed, so nothing may be committed before the end.
 * Errors: IncompleteBody, InvalidRequest, SignatureDoesNotMatch.
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
  signed?: Authenticated,
): AsyncGenerator<Buffer> {
  const reader = new ChunkReader(source);
  const chain = signed && new SignatureChain(signed);
  for (;;) {
    const [size, signature] = parseChunkHeader(await reader.line());
    const hash = createHash("sha256");
    for await (const piece of reader.take(size)) {
      if (chain) hash.update(piece);
      yield piece;
    }
    chain?.verify("PAYLOAD", `${sha256Hex("")}\n${hash.digest("hex")}`, signature);
    if (size === 0) break;
    if ((await reader.line()) !== "")
      throw new S3Error("InvalidRequest", "An aws-chunked chunk is longer than it says.");
  }
  let canonical = "";
  for (let line = await reader.line(); line !== ""; line = await reader.line()) {
    const colon = line.indexOf(":");
    const [name, value] = [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    if (name === "x-amz-trailer-signature") chain?.verify("TRAILER", sha256Hex(canonical), value);
    else canonical += `${name}:${value}\n`;
    trailers.set(name, value);
  }
  if (signed?.payload_hash.endsWith("-TRAILER") && !trailers.has("x-amz-trailer-signature"))
    throw new S3Error("SignatureDoesNotMatch", "The trailers of the aws-chunked body are not signed.");
}

function parseChunkHeader(line: string): [size: number, signature: string] {
  const match = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line);
  if (!match) throw new S3Error("InvalidRequest", "An aws-chunked chunk must start with its size in hex.");
  return [Number.parseInt(match[1] ?? "", 16), match[2] ?? ""];
}

/** Each signature covers the one before, back to that of the request itself. */
class SignatureChain {
  readonly #seed: Authenticated;
  #previous: string;

  constructor(seed: Authenticated) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  verify(kind: "PAYLOAD" | "TRAILER", subject: string, provided: string): void {
    const { amz_date, scope, signing_key } = this.#seed;
    const to_sign = [`AWS4-HMAC-SHA256-${kind}`, amz_date, scope, this.#previous, subject].join("\n");
    const computed = hmac(signing_key, to_sign).toString("hex");
    if (provided.length !== computed.length || !timingSafeEqual(Buffer.from(computed), Buffer.from(provided)))
      throw new S3Error("SignatureDoesNotMatch", "A chunk of the aws-chunked body does not match its signature.");
    this.#previous = computed;
  }
}

class ChunkReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Up to the next CRLF; at the end of the body, what is left. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end !== -1) {
        const line = this.#rest.toString("latin1", 0, end);
        this.#rest = this.#rest.subarray(end + 2);
        return line;
      }
      if (this.#rest.length > S3_CHUNK_LINE_MAX_BYTES)
        throw new S3Error("InvalidRequest", "A line of the aws-chunked body is too long.");
      if (!(await this.#fill())) {
        const line = this.#rest.toString("latin1");
        this.#rest = Buffer.alloc(0);
        return line;
      }
    }
  }

  async *take(size: number): AsyncGenerator<Buffer> {
    let left = size;
    while (left > 0) {
      if (this.#rest.length === 0 && !(await this.#fill()))
        throw new S3Error("IncompleteBody", "The aws-chunked body ended inside a chunk.");
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#ended) return false;
    const { value, done } = await this.#source.next();
    if (done) {
      this.#ended = true;
      return false;
    }
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
    return true;
  }
}
