/** What a unit of work consumed. Operations fill it in; `sink.ts` reads it when the answer is complete. */
export class Usage {
  tokens_in = 0;
  tokens_out = 0;
  tokens_saved = 0;
  neurons = 0;
  /** A digest of the session that the caller named, if it named one. */
  session: string | null = null;
  /** The chat model that answered, if one did. */
  model: string | null = null;
  /** A streamed answer sets this: usage is complete when it resolves, to the error that broke the answer off, if one did. */
  settled: Promise<unknown> | null = null;
}
