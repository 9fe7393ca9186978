/** What did not answer in time. */
class TooLate extends Error {
  override name = "TooLate";
}

/**
 * What `work` resolves to, or rejects with, within `limit_ms`. After that it rejects with `TooLate`, and the signal that `work` was
 * given aborts: what goes on in spite of it goes on for nobody.
 */
export async function within<T>(limit_ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const giveUp = new AbortController();
  try {
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const late = new TooLate(`no answer within ${limit_ms} ms`);
        reject(late);
        giveUp.abort(late);
      }, limit_ms);
    });
    return await Promise.race([work(giveUp.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
