/** What did not answer in time. */
class TooLate extends Error {
  override name = "TooLate";
}

/** Nobody waits any more for what was asked: no fault of whoever was to answer. */
export class CallerLeft extends Error {
  override name = "CallerLeft";
}

/**
 * What `work` resolves to, or rejects with, within `limit_ms`. After that it rejects with `TooLate`, or with `CallerLeft` as soon as
 * `left` aborts, and the signal that `work` was given aborts: what goes on in spite of it goes on for nobody.
 */
export async function within<T>(
  limit_ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  left?: AbortSignal,
): Promise<T> {
  const giveUp = new AbortController();
  const { promise: given_up, reject } = Promise.withResolvers<never>();
  // Nobody listens where `work` is not begun.
  given_up.catch(() => {});
  const end = (why: Error) => {
    reject(why);
    giveUp.abort(why);
  };
  const leave = () => end(new CallerLeft("nobody waits for the answer any more"));
  if (left?.aborted) leave();
  const timer = setTimeout(() => end(new TooLate(`no answer within ${limit_ms} ms`)), limit_ms);
  left?.addEventListener("abort", leave);
  try {
    return await (left?.aborted ? given_up : Promise.race([work(giveUp.signal), given_up]));
  } finally {
    clearTimeout(timer);
    left?.removeEventListener("abort", leave);
  }
}
