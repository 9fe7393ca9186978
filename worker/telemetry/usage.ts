/** What a request consumed. Routes fill it in; the log line and the meter read it when the answer is complete. */
export class Usage {
  tokens_in = 0;
  tokens_out = 0;
  tokens_saved = 0;
  neurons = 0;
  /** The chat model that answered, if one did. */
  model: string | null = null;
  /** A streamed answer sets this: usage and outcome are complete when it settles. */
  settled: Promise<void> | null = null;
}
