/**
 * Websocket frames of a client as RFC 6455 wants them. Wrangler sends its first one without a mask, which Cloudflare takes and
 * every library for servers refuses.
 */
import { Transform, type TransformCallback } from "node:stream";

const MASKED = 0x80;
const LENGTH = 0x7f;
const NO_MASK = Buffer.alloc(4);

/** Passes frames on, each whole; those without a mask get one that changes nothing. Longer ones than `frame_bytes_max` end the stream. */
export class MaskedFrames extends Transform {
  readonly #frame_bytes_max: number;
  #rest = Buffer.alloc(0);

  constructor(frame_bytes_max: number) {
    super();
    this.#frame_bytes_max = frame_bytes_max;
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let frame = this.#frame(); frame; frame = this.#frame()) this.push(frame);
    if (this.#rest.length > this.#frame_bytes_max) done(new Error("a websocket frame is too long"));
    else done();
  }

  /** The next whole frame; null while more is to come. */
  #frame(): Buffer | null {
    const [first, second] = this.#rest;
    if (first === undefined || second === undefined) return null;
    // Of the other form of a length, this one's are too long.
    const short = second & LENGTH;
    const isLong = short === 126;
    if (short > 126 || (isLong && this.#rest.length < 4)) return null;
    const head_bytes = isLong ? 4 : 2;
    const isMasked = (second & MASKED) !== 0;
    const payload_bytes = isLong ? this.#rest.readUInt16BE(2) : short;
    const frame_bytes = head_bytes + (isMasked ? NO_MASK.length : 0) + payload_bytes;
    if (this.#rest.length < frame_bytes) return null;
    const frame = this.#rest.subarray(0, frame_bytes);
    this.#rest = this.#rest.subarray(frame_bytes);
    if (isMasked) return frame;
    const masked = Buffer.concat([frame.subarray(0, head_bytes), NO_MASK, frame.subarray(head_bytes)]);
    masked[1] = second | MASKED;
    return masked;
  }
}
