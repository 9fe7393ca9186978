/**
 * The body of a request: decoded, measured and checked against everything its sender said of it (signed SHA-256,
 * Content-MD5, checksums in headers or trailers) while it streams.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ReadableStream as NodeReadableStream } from "node:stream/web";
import { crc32 } from "node:zlib";
import { Crc32c, Crc64Nvme } from "@aws-sdk/checksums/crc";
import { S3_XML_BODY_MAX_BYTES } from "../limits.ts";
import { decodeAwsChunked } from "./aws-chunked.ts";
import { withLength } from "./gateway-bucket.ts";
import { S3Error } from "./s3-error.ts";
import type { Authenticated } from "./sigv4.ts";

interface Digest {
  update(piece: Buffer): void;
  base64(): string | Promise<string>;
}

const CHECKSUMS: Record<string, () => Digest> = {
  "x-amz-checksum-crc32": () => {
    let sum = 0;
    return {
      update: (piece) => {
        sum = crc32(piece, sum);
      },
      base64: () => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(sum);
        return bytes.toString("base64");
      },
    };
  },
  "x-amz-checksum-crc32c": () => sdkDigest(new Crc32c()),
  "x-amz-checksum-crc64nvme": () => sdkDigest(new Crc64Nvme()),
  "x-amz-checksum-sha1": () => hashDigest("sha1"),
  "x-amz-checksum-sha256": () => hashDigest("sha256"),
};

/** What Node.js does not compute, and the SDK does for its own uploads. */
function sdkDigest(checksum: Crc32c | Crc64Nvme): Digest {
  return {
    update: (piece) => checksum.update(piece),
    base64: async () => Buffer.from(await checksum.digest()).toString("base64"),
  };
}

function hashDigest(algorithm: "md5" | "sha1" | "sha256"): Digest {
  const hash = createHash(algorithm);
  return { update: (piece) => void hash.update(piece), base64: () => hash.digest("base64") };
}

export class Payload {
  /** Bytes of content, without any framing. */
  readonly length_bytes: number;
  readonly #request: IncomingMessage;
  readonly #authenticated: Authenticated;
  #md5: string | undefined;
  #failure: unknown;

  /** Errors: MissingContentLength, when the request does not say how long its content is. */
  constructor(request: IncomingMessage, authenticated: Authenticated) {
    this.#request = request;
    this.#authenticated = authenticated;
    const { "x-amz-decoded-content-length": decoded, "content-length": plain } = request.headers;
    const stated = this.#chunked ? decoded : (plain ?? (request.headers["transfer-encoding"] ? undefined : "0"));
    if (typeof stated !== "string" || !/^\d{1,15}$/.test(stated))
      throw new S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.");
    this.length_bytes = Number(stated);
  }

  /** Hex MD5 of the content, once it has been read. */
  get md5(): string {
    if (this.#md5 === undefined) throw new Error("the payload has not been read");
    return this.#md5;
  }

  /**
   * Gives the content to `write` as a stream. Its last piece is held back until every check has passed, so a writer
   * that needs all announced bytes before it commits never commits content that is not what was announced.
   */
  async store<T>(write: (content: ReadableStream<Uint8Array> | "") => Promise<T>): Promise<T> {
    if (this.length_bytes === 0) {
      await this.drain();
      return write("");
    }
    try {
      const content = NodeReadableStream.from(this.#pieces()) as unknown as ReadableStream<Uint8Array>;
      return await write(withLength(content, this.length_bytes));
    } catch (error) {
      // The writer only knows that its stream broke; this is why.
      throw this.#failure ?? error;
    }
  }

  /** The content of a request that carries XML. */
  async text(): Promise<string> {
    if (this.length_bytes > S3_XML_BODY_MAX_BYTES)
      throw new S3Error("EntityTooLarge", `The body of this request may have at most ${S3_XML_BODY_MAX_BYTES} bytes.`);
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces()) pieces.push(piece);
    return Buffer.concat(pieces).toString("utf8");
  }

  /** Reads and checks a body whose content does not matter. */
  async drain(): Promise<void> {
    await this.text();
  }

  get #chunked(): boolean {
    return this.#authenticated.payload_hash.startsWith("STREAMING-");
  }

  async *#pieces(): AsyncGenerator<Buffer> {
    try {
      yield* this.#checked();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  async *#checked(): AsyncGenerator<Buffer> {
    const { headers } = this.#request;
    const { payload_hash } = this.#authenticated;
    const trailers = new Map<string, string>();
    // Not destroyed with its reader: the connection still has to carry the answer.
    const raw: AsyncIterable<Buffer> = this.#request.iterator({ destroyOnReturn: false });
    const source = this.#chunked
      ? decodeAwsChunked(raw, trailers, payload_hash.includes("HMAC") ? this.#authenticated : undefined)
      : raw;
    const announced = String(headers["x-amz-trailer"] ?? "").toLowerCase();
    const checksums = Object.entries(CHECKSUMS).flatMap(([name, digest]) =>
      headers[name] !== undefined || announced.includes(name) ? [{ name, digest: digest() }] : [],
    );
    const md5 = createHash("md5");
    const sha256 = /^[0-9a-f]{64}$/.test(payload_hash) ? createHash("sha256") : undefined;

    let received_bytes = 0;
    let held: Buffer | undefined;
    for await (const piece of source) {
      if (piece.length === 0) continue;
      received_bytes += piece.length;
      if (received_bytes > this.length_bytes) break;
      md5.update(piece);
      sha256?.update(piece);
      for (const { digest } of checksums) digest.update(piece);
      if (held) yield held;
      held = piece;
    }
    if (received_bytes !== this.length_bytes)
      throw new S3Error(
        "IncompleteBody",
        `The body has ${received_bytes > this.length_bytes ? "more" : "fewer"} than the ${this.length_bytes} bytes that were announced.`,
      );
    if (sha256 && sha256.digest("hex") !== payload_hash)
      throw new S3Error(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    for (const { name, digest } of checksums) compare(name, headers[name] ?? trailers.get(name), await digest.base64());
    this.#md5 = md5.digest("hex");
    if (headers["content-md5"] !== undefined) {
      compare("Content-MD5", headers["content-md5"], Buffer.from(this.#md5, "hex").toString("base64"));
    }
    if (held) yield held;
  }
}

function compare(name: string, provided: string | string[] | undefined, computed: string): void {
  if (typeof provided !== "string" || Buffer.from(provided, "base64").toString("base64") !== provided)
    throw new S3Error("InvalidDigest", `The ${name} you specified is missing or not valid base64.`);
  if (provided.length !== computed.length) throw new S3Error("InvalidDigest", `The ${name} has the wrong length.`);
  if (provided !== computed)
    throw new S3Error(
      "BadDigest",
      `The ${name} you specified did not match what we received: ${provided}, not ${computed}.`,
    );
}
