/**
 * `ops eval conversations PATH`: whether a follow-up question finds what the same question asked by itself finds, through the real
 * Worker.
 *
 * Each conversation is held as a client holds it: the earlier questions are asked of `POST /api/v1/chat`, its answers become history.
 * What the service makes of the follow-up (`standalone_question`) is searched for, beside the question as a person would ask it by
 * itself, and beside the follow-up as it stands.
 */
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { loadConfig } from "../index/config.ts";
import { syncIndex, syncResult } from "../index/sync.ts";
import { type Client, decode } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import { inTurn, search } from "./ask.ts";
import { awaitVectors } from "./index-documents.ts";
import { readJsonLines } from "./json-lines.ts";
import { mean, ndcg } from "./metrics.ts";

const CONFIG_FILE = "prism.config.json";
const QUESTIONS_FILE = "conversations.jsonl";
/** A document further down is not found: few readers look there. */
const TOP = 3;
const DEPTH = 10;
/** Chunks that are read for ten documents. */
const CHUNKS = 50;

const conversation = z.strictObject({
  /** `tuned`: the rule was made with it in sight. */
  half: z.enum(["tuned", "unseen"]),
  language: z.string().min(2),
  kind: z.enum(["ellipsis", "pronoun", "switch"]),
  earlier: z.array(z.string().min(1)).min(1),
  question: z.string().min(1),
  self_contained: z.string().min(1),
  /** Ids; each of them answers. */
  documents: z.array(z.string()).min(1),
});
type Conversation = z.infer<typeof conversation>;

const FORMS = ["self_contained", "follow_up", "raw"] as const;
type Form = (typeof FORMS)[number];

const figures = z.strictObject({ top3: z.number().min(0).max(1), ndcg_at_10: z.number().min(0).max(1) });
const group = z.strictObject({
  name: z.string(),
  conversations: z.int(),
  self_contained: figures,
  follow_up: figures,
  raw: figures,
});
const judged = z.strictObject({
  question: z.string(),
  standalone_question: z.string(),
  self_contained: z.boolean().describe("a right document is among the first three"),
  follow_up: z.boolean(),
  raw: z.boolean(),
});

const output = z.strictObject({
  documents: z.int(),
  failures: syncResult.shape.failures,
  rewriting_tokens: z.int().describe("of models, a conversation; 0 by rule"),
  groups: z.array(group),
  judged: z.array(judged),
});

interface Judged {
  asked: Conversation;
  standalone_question: string;
  found: Record<Form, { top3: boolean; ndcg: number }>;
  rewriting_tokens: number;
}

export const evalConversations = defineCommand({
  path: "eval conversations",
  group: "measure",
  summary: "follow-up questions beside the same questions asked by themselves, and beside no rewriting",
  notes: `PATH has a ${CONFIG_FILE}, which says what is indexed, and a ${QUESTIONS_FILE}. A line of it is {"half": "tuned" | "unseen",
"language", "kind": "ellipsis" | "pronoun" | "switch", "earlier": [questions], "question", "self_contained", "documents": [ids]}.
self_contained: the question as it would be asked by itself. follow_up: what the service makes of it after the earlier ones. raw:
the question as it stands. Of kind switch is one that the conversation must not change.`,
  risk: "read",
  args: z.object({ path: z.string().describe(`folder with ${CONFIG_FILE} and ${QUESTIONS_FILE}`) }),
  output,
  examples: ["eval conversations tests/conversations --json"],
  run: (invocation, { path }) => evaluate(invocation, path),
});

async function evaluate(invocation: Invocation, path: string): Promise<Outcome<z.infer<typeof output>>> {
  const file = join(path, QUESTIONS_FILE);
  const set = await readJsonLines(
    conversation,
    file,
    "conversations as `ops eval conversations --help` describes them",
  );
  const config_file = resolve(path, CONFIG_FILE);
  const config = await loadConfig(config_file);
  const { progress, signal } = invocation;
  const { held, documents, failures } = await onRig(invocation, {}, async (rig) => {
    const { client } = rig;
    const synced = await syncIndex({ client, config, cwd: dirname(config_file), signal, progress });
    await awaitVectors(invocation, rig);
    const held = await inTurn(invocation, "conversations held", set, (asked) => hold(client, asked));
    return { held, documents: synced.added, failures: synced.failures };
  });
  const groups = groupsOf(held);
  return {
    data: {
      documents,
      failures,
      rewriting_tokens: Math.round(mean(held.map(({ rewriting_tokens }) => rewriting_tokens))),
      groups,
      judged: held.map(({ asked, standalone_question, found }) => ({
        question: asked.question,
        standalone_question,
        self_contained: found.self_contained.top3,
        follow_up: found.follow_up.top3,
        raw: found.raw.top3,
      })),
    },
    text: table(invocation.terminal, groups, [
      { title: "top 3, nDCG@10", value: ({ name }) => name },
      { title: "n", value: ({ conversations }) => conversations, align: "right" },
      ...FORMS.map((form) => ({
        title: form.replace("_", "-"),
        value: (row: z.infer<typeof group>) =>
          `${(100 * row[form].top3).toFixed(1)} %  ${row[form].ndcg_at_10.toFixed(3)}`,
        align: "right" as const,
      })),
    ]),
  };
}

const ChatAnswer = z.object({
  answer: z.string().nullable(),
  standalone_question: z.string().nullable(),
  usage: z.object({ rewriting: z.object({ tokens_in: z.number(), tokens_out: z.number() }) }),
});

async function hold(client: Client, asked: Conversation): Promise<Judged> {
  const history: { role: "user" | "assistant"; content: string }[] = [];
  const ask = async (message: string) => {
    const answered = await client.post("/api/v1/chat", { message, history }, { repeatable: true });
    return decode(ChatAnswer, answered, "POST /api/v1/chat");
  };
  for (const message of asked.earlier) {
    const { answer } = await ask(message);
    history.push({ role: "user", content: message }, { role: "assistant", content: answer ?? "" });
  }
  const { standalone_question, usage } = await ask(asked.question);
  const standalone = standalone_question ?? asked.question;
  const judgements = new Map(asked.documents.map((id) => [id, 1]));
  const found = async (query: string) => {
    const { results } = await search(client, { query, top_k: CHUNKS });
    const ranking = [...new Set(results.map(({ document_id }) => document_id))];
    // Any one document suffices: the best place counts, as if it were the only one.
    const best = ranking.find((id) => judgements.has(id));
    return {
      top3: ranking.slice(0, TOP).some((id) => judgements.has(id)),
      ndcg: best === undefined ? 0 : ndcg(ranking, new Map([[best, 1]]), DEPTH, "binary"),
    };
  };
  return {
    asked,
    standalone_question: standalone,
    found: {
      self_contained: await found(asked.self_contained),
      follow_up: await found(standalone),
      raw: await found(asked.question),
    },
    rewriting_tokens: usage.rewriting.tokens_in + usage.rewriting.tokens_out,
  };
}

/** All, the halves, and the unseen half by kind and language. */
function groupsOf(held: readonly Judged[]): z.infer<typeof group>[] {
  const unseen = held.filter(({ asked }) => asked.half === "unseen");
  const by = (name: (asked: Conversation) => string) =>
    Map.groupBy(unseen, ({ asked }) => `unseen, ${name(asked)}`).entries();
  const parts: [string, readonly Judged[]][] = [
    ["all", held],
    ["tuned", held.filter(({ asked }) => asked.half === "tuned")],
    ["unseen", unseen],
    ...by(({ kind }) => kind),
    ...by(({ language }) => language),
  ];
  return parts
    .filter(([, part]) => part.length > 0)
    .map(([name, part]) => {
      const of = (form: Form) => ({
        top3: rounded(mean(part.map(({ found }) => (found[form].top3 ? 1 : 0))), 4),
        ndcg_at_10: rounded(mean(part.map(({ found }) => found[form].ndcg)), 4),
      });
      return {
        name,
        conversations: part.length,
        ...{ self_contained: of("self_contained"), follow_up: of("follow_up"), raw: of("raw") },
      };
    });
}
