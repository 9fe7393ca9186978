/** Faults of cost and quality: allowances, tokens, ratings, users. */
import { z } from "zod";
import { SERVICE } from "../../../infra/inventory.ts";
import { DAY_MS, HOUR_MS } from "../../../worker/ground/time.ts";
import type { Client } from "../../service/client.ts";
import type { Arena } from "../arena.ts";
import { type Fault, LATENCY_ALERTS } from "../fault.ts";
import { atOnce, caller } from "../means.ts";
import { deployVersion } from "../scripts.ts";

const used = z.object({ resources: z.object({ d1_rows_written: z.object({ usage_percentage: z.number() }) }) });
/** Each is a chunk; when another takes its place, some ten rows are written: a twentieth of a day's in one document. */
const PARAGRAPHS = 450;

/** Replaces a large document by another one until so much of the day's rows is used, or a document's share more. */
async function bulkWrites({ admin, clock }: Arena, percent: number): Promise<void> {
  const usedPercent = async () => {
    const { resources } = await admin.get("/metrics", used);
    return resources.d1_rows_written.usage_percentage;
  };
  while ((await usedPercent()) < percent) {
    const paragraphs = Array.from(
      { length: PARAGRAPHS },
      (_, place) => `Reading ${place} at ${clock.now()}. ${"The gauge was read and noted. ".repeat(30)}`,
    );
    await admin.put("/api/v1/documents/bulk", { text: paragraphs.join("\n\n") });
  }
}

/** An hour before the day and its allowances end. */
const lateInTheDay = async ({ clock }: Arena): Promise<void> => {
  const midnight_ms = Math.ceil(clock.now() / DAY_MS) * DAY_MS;
  await clock.passTo(midnight_ms - HOUR_MS, null);
};

export const BUSINESS_FAULTS: readonly Fault[] = [
  {
    id: "quota-nearly-used",
    what: "a bulk import uses up the rows that D1 may write in a day",
    alert: "quota-high",
    also: ["quota-critical", ...LATENCY_ALERTS],
    runbook: "quota-running-out",
    prepare: lateInTheDay,
    inject: (arena) => bulkWrites(arena, 82),
  },
  {
    id: "quota-used-up",
    what: "hardly anything of a day's allowance is left",
    alert: "quota-critical",
    also: ["quota-high", ...LATENCY_ALERTS],
    runbook: "quota-running-out",
    prepare: lateInTheDay,
    inject: (arena) => bulkWrites(arena, 96),
  },
  {
    id: "answers-rated-poor",
    what: "callers find the answers poor",
    alert: "quality",
    runbook: "business-figures",
    inject: (arena) => rateAnswers(arena, 12, 1),
    passes: (arena) => rateAnswers(arena, 30, 5),
  },
  {
    id: "tokens-not-saved",
    what: "questions about short documents: there is nothing to leave out",
    alert: "token-saving",
    // A day's mean tells: what was saved before would hide it.
    alone: true,
    also: ["cache-hits"],
    runbook: "business-figures",
    inject: (arena) => askAboutLittle(arena, 230),
    passes: (arena) => askAboutMuch(arena, BAYS),
  },
  {
    id: "tokens-dear",
    what: "a release asks a model at a thousand times the price",
    alert: "token-cost",
    // As above: what was asked at the usual price before.
    alone: true,
    also: ["change-deploy", "cache-hits", "token-saving", "quota-high", "quota-critical"],
    runbook: "business-figures",
    inject: async (arena) => {
      await dearRelease(arena);
      await askAboutLittle(arena, 40);
    },
    passes: (arena) => askAboutLittle(arena, 120),
  },
  {
    id: "users-leave",
    what: "most of those who used the service a week ago do no more",
    alert: "active-users",
    also: ["backup-old", "schedule-missed", "cron-stopped"],
    runbook: "business-figures",
    // Whoever used the platform in faults before would be missed as well, and does not come back.
    alone: true,
    prepare: async (arena) => {
      const clients = Array.from({ length: 6 }, (_, user) => caller(arena, { tenant: `week${user}` }));
      users.set(arena, await Promise.all(clients));
      await comeBack(arena);
    },
    // A week without them: what others do in it would tell nothing more.
    approach: async ({ clock }) => clock.leapTo(clock.now() + 8 * DAY_MS),
    inject: async () => {},
    passes: comeBack,
  },
];

/** Those who leave. */
const users = new WeakMap<Arena, Client[]>();

async function comeBack(arena: Arena): Promise<void> {
  for (const client of users.get(arena) ?? []) await client.send("POST", "/api/v1/search", { query: "once" });
}

/** Questions at once, few enough that they do not wait for each other. */
const ASKED_AT_ONCE = 5;

async function inTurn(count: number, request: (index: number) => Promise<unknown>): Promise<void> {
  for (let asked = 0; asked < count; asked += ASKED_AT_ONCE)
    await atOnce(Math.min(ASKED_AT_ONCE, count - asked), (index) => request(asked + index));
}

/** Questions about one document, in a tenant that has no other. */
async function ask(arena: Arena, text: string, count: number, question: (index: number) => string): Promise<void> {
  const client = await caller(arena, { tenant: `asks${arena.clock.now()}` });
  await client.put("/api/v1/documents/only", { text });
  await inTurn(count, async (index) => {
    const answer = await client.send("POST", "/api/v1/chat", { message: question(index) });
    await answer.text();
  });
}

async function rateAnswers({ admin }: Arena, count: number, rating: number): Promise<void> {
  await inTurn(count, async (index) => {
    const answer = await admin.send("POST", "/api/v1/chat", { message: `How was gauge number ${index} read?` });
    await answer.text();
    await admin.send("POST", "/api/v1/feedback", { request_id: answer.headers.get("x-request-id"), rating });
  });
}

const TARIFF = "The tariff of the harbour is 12 crowns a day for every vessel.";

/** Long questions about a short document, of which everything is sent: some five hundred tokens each. */
async function askAboutLittle(arena: Arena, count: number): Promise<void> {
  await ask(arena, TARIFF, count, (index) => `${`${TARIFF} `.repeat(30)}What is the tariff, asked ${index}?`);
}

const BAYS = 80;

/** Short questions about a long document, of which hardly anything is. */
async function askAboutMuch(arena: Arena, count: number): Promise<void> {
  const paragraphs = Array.from(
    { length: BAYS },
    (_, bay) =>
      `The lighthouse of bay ${bay} was built in ${1800 + bay}. ${"Its lamp is cleaned in the morning, and its stairs are swept. ".repeat(12)}`,
  );
  await ask(arena, paragraphs.join("\n\n"), count, (index) => `When was the lighthouse of bay ${index % BAYS} built?`);
}

const answered = z.object({ model: z.string() });

/** The served code with every model at a price as no catalogue has it, that of whoever answers on this platform among them: $0.10 for 1000 tokens. */
async function dearRelease(arena: Arena): Promise<void> {
  const question = { message: "Which lock does the northern canal have?" };
  const client = await caller(arena, { tenant: "readers" });
  const { model } = await client.post("/api/v1/chat", question, { answer: answered });
  const { source, bindings } = arena.served();
  const price = "{neurons_in_per_m:9e6,neurons_out_per_m:9e6}";
  const dear = source
    .replaceAll(/\{\s*neurons_in_per_m:\s*\d+,\s*neurons_out_per_m:\s*\d+\s*\}/g, price)
    .replace(/"[^"]+":\s*\{\s*neurons_in_per_m/, (first) => `"${model}":${price},${first}`);
  await deployVersion(arena.account, SERVICE, { modules: { "worker.js": dear }, bindings });
}
