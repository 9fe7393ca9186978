/**
 * A question of a conversation as one that needs none: what is looked up, answered and cached. By a model where the stack has one,
 * by rule (`follow-up.ts`) otherwise, and wherever the model fails or writes something else than such a question.
 */
import { QUERY_CHARS_MAX, STANDALONE_CHARS_MAX, STANDALONE_TOKENS_MAX } from "../../limits.ts";
import { queryTerms } from "../text/query.ts";
import { estimateTokens } from "../text/tokens.ts";
import { answeringModel, chatCost, ROUTES } from "./chat-models.ts";
import type { Turn } from "./conversation.ts";
import { standaloneByRule } from "./follow-up.ts";
import { generate } from "./generate.ts";
import { renderRewriting } from "./prompt.ts";

export interface Standalone {
  question: string;
  /** What the model has cost; zeros where none was asked. */
  usage: { tokens_in: number; tokens_out: number; neurons: number; cost_usd: number };
  /** For the caller, about what did not work. */
  degraded: string[];
}

const NOTHING_REWRITTEN = { tokens_in: 0, tokens_out: 0, neurons: 0, cost_usd: 0 };
const BY_RULE = "No model made the question self-contained; a rule did";
/** Of the words of a rewritten question so many must be the conversation's: what is not is an answer, or made up. */
const OWN_WORDS_SHARE_MIN = 0.5;

/**
 * `idle_ms` bounds the whole call: it is a line that is asked for, and the question waits for it. Throws nothing that the binding
 * throws.
 */
export async function standaloneQuestion(
  ai: Pick<Ai, "run">,
  asked: { question: string; turns: readonly Turn[]; by: "model" | "rule"; idle_ms: number },
): Promise<Standalone> {
  const { question, turns, by, idle_ms } = asked;
  if (turns.length === 0) return { question, usage: NOTHING_REWRITTEN, degraded: [] };
  const byRule = () => standaloneByRule(question, turns).slice(0, QUERY_CHARS_MAX);
  if (by === "rule") return { question: byRule(), usage: NOTHING_REWRITTEN, degraded: [] };

  const model = ROUTES.quick;
  const messages = renderRewriting(question, turns);
  let text = "";
  try {
    const patience = { generate_ms: idle_ms, idle_ms };
    const pieces = generate(ai, { model, messages, stream: true, tokens_max: STANDALONE_TOKENS_MAX, patience });
    let next = await pieces.next();
    for (; !next.done; next = await pieces.next()) text += next.value;
    const tokens_in =
      next.value.usage?.tokens_in ?? messages.reduce((sum, one) => sum + estimateTokens(one.content), 0);
    const tokens_out = next.value.usage?.tokens_out ?? estimateTokens(text);
    const usage = {
      tokens_in,
      tokens_out,
      ...chatCost(answeringModel(model, next.value.model), tokens_in, tokens_out),
    };
    const written = next.value.cut_short ? null : asQuestion(text, [question, ...turns.map(({ content }) => content)]);
    return { question: written ?? byRule(), usage, degraded: written === null ? [BY_RULE] : [] };
  } catch {
    return { question: byRule(), usage: NOTHING_REWRITTEN, degraded: [BY_RULE] };
  }
}

/** What a model has written, as a question; null where it is none that the conversation `said`. */
function asQuestion(text: string, said: readonly string[]): string | null {
  const line = text.trim().replace(/^["“”'`]+|["“”'`]+$/g, "");
  if (line === "" || line.length > STANDALONE_CHARS_MAX || /[\r\n]/.test(line)) return null;
  const known = new Set(said.flatMap((one) => queryTerms(one).map(({ stem }) => stem)));
  const terms = queryTerms(line);
  const own = terms.filter(({ stem }) => known.has(stem)).length;
  return terms.length > 0 && own >= OWN_WORDS_SHARE_MIN * terms.length ? line : null;
}
