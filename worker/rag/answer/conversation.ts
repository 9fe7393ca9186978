/**
 * The earlier messages of a conversation, cut to what is read of them. Pure.
 *
 * They come from the caller, those of the `assistant` too: data, which nothing vouches for. The service keeps none.
 */
import { HISTORY_MESSAGE_TOKENS_MAX, HISTORY_TOKENS_MAX } from "../../limits.ts";
import { estimateTokens } from "../text/tokens.ts";

export interface Turn {
  role: "user" | "assistant";
  content: string;
}

/** What our own answers show their citations by: `[17]` and `[17, 4]` mean nothing in a question. */
const CITATION = /\s?\[\d{1,16}(?:, \d{1,16}){0,7}\]/g;
/** No token of the estimator's stands for more characters on average: where a cut may begin to look. */
const CHARS_PER_TOKEN_MAX = 8;

/**
 * The last messages that fit `HISTORY_TOKENS_MAX`, oldest first, each cut to `HISTORY_MESSAGE_TOKENS_MAX`, blank ones and citations
 * left out. `from` is the place of the first that is read.
 */
export function cutHistory(history: readonly Turn[]): { turns: Turn[]; from: number } {
  const turns: Turn[] = [];
  let left = HISTORY_TOKENS_MAX;
  let from = history.length;
  for (const [place, { role, content }] of [...history.entries()].reverse()) {
    const read = beginningOf(role === "assistant" ? content.replace(CITATION, "") : content).trim();
    const tokens = estimateTokens(read);
    if (tokens > left) break;
    left -= tokens;
    from = place;
    if (read !== "") turns.unshift({ role, content: read });
  }
  return { turns, from };
}

/** As many whole words as `HISTORY_MESSAGE_TOKENS_MAX` allows. */
function beginningOf(text: string): string {
  let end = Math.min(text.length, HISTORY_MESSAGE_TOKENS_MAX * CHARS_PER_TOKEN_MAX);
  while (estimateTokens(text.slice(0, end)) > HISTORY_MESSAGE_TOKENS_MAX) end = Math.floor(end * 0.9);
  if (end >= text.length) return text;
  const word = text.lastIndexOf(" ", end);
  return text.slice(0, word > end / 2 ? word : end);
}
