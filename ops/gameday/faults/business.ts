/** Faults of cost and quality: allowances, tokens, ratings, users. */
import { z } from "zod";
import { SERVICE } from "../../../infra/inventory.ts";
import { DAY_MS, HOUR_MS } from "../../../worker/ground/time.ts";
import { ALERT_SLOW_FIGURES_MIN } from "../../../worker/limits.ts";
import { decode } from "../../service/client.ts";
import type { Arena } from "../arena.ts";
import type { Fault } from "../fault.ts";
import { atOnce, caller } from "../means.ts";
import { deployVersion } from "../scripts.ts";

const used = z.object({ resources: z.object({ d1_rows_written: z.object({ usage_percentage: z.number() }) }) });
/** Each is a chunk; when another takes its place, some ten rows are written: a twentieth of a day's in one document. */
const PARAGRAPHS = 450;

/** Replaces a large document by another one until so much of the day's rows is used, or a document's share more. */
async function bulkWrites({ admin, clock }: Arena, percent: number): Promise<void> {
  const usedPercent = async () => {
    const { resources } = decode(used, await admin.get("/metrics"), "GET /metrics");
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
    also: [
      "quota-critical",
      "latency",
      "slo-latency-fast",
      "slo-latency-quick",
      "slo-latency-steady",
      "slo-latency-slow",
    ],
    runbook: "quota-running-out",
    prepare: lateInTheDay,
    inject: (arena) => bulkWrites(arena, 82),
  },
  {
    id: "quota-used-up",
    what: "hardly anything of a day's allowance is left",
    alert: "quota-critical",
    also: ["quota-high", "latency", "slo-latency-fast", "slo-latency-quick", "slo-latency-steady", "slo-latency-slow"],
    runbook: "quota-running-out",
    prepare: lateInTheDay,
    inject: (arena) => bulkWrites(arena, 96),
  },
  {
    id: "answers-rated-poor",
    what: "callers find the answers poor",
    alert: "quality",
    builds_up_min: ALERT_SLOW_FIGURES_MIN,
    runbook: "business-figures",
    inject: rateAnswers,
    passes: async () => {},
  },
  {
    id: "tokens-not-saved",
    what: "questions about short documents: there is nothing to leave out",
    alert: "token-saving",
    builds_up_min: 30,
    also: ["cache-hits"],
    runbook: "business-figures",
    inject: async () => {},
    workload: expensiveQuestions,
    passes: async () => {},
  },
  {
    id: "tokens-dear",
    what: "a release asks a model at a hundred times the price",
    alert: "token-cost",
    also: ["change-deploy", "cache-hits", "token-saving", "quota-high", "quota-critical"],
    builds_up_min: 10,
    runbook: "business-figures",
    inject: dearRelease,
    workload: expensiveQuestions,
    passes: async () => {},
  },
  {
    id: "users-leave",
    what: "half of those who used the service a week ago do no more",
    alert: "active-users",
    also: ["backup-old", "schedule-missed", "cron-stopped"],
    builds_up_min: ALERT_SLOW_FIGURES_MIN,
    runbook: "business-figures",
    prepare: async (arena) => {
      for (let user = 0; user < 6; user += 1) {
        const client = await caller(arena, { tenant: `week${user}` });
        await client.send("POST", "/api/v1/search", { query: "once" });
      }
      arena.clock.leapTo(arena.clock.now() + 8 * DAY_MS);
    },
    inject: async () => {},
    passes: async () => {},
  },
];

async function rateAnswers({ admin }: Arena): Promise<void> {
  await atOnce(12, async (index) => {
    const answer = await admin.send("POST", "/api/v1/chat", { message: `How was gauge number ${index} read?` });
    await answer.text();
    await admin.send("POST", "/api/v1/feedback", { request_id: answer.headers.get("x-request-id"), rating: 1 });
  });
}

/** Chats about one short document, of which everything is sent. */
async function expensiveQuestions(arena: Arena): Promise<void> {
  const { admin, clock } = arena;
  await admin.send("PUT", "/api/v1/documents/tariff", {
    text: "The tariff of the harbour is 12 crowns a day for every vessel.",
  });
  await atOnce(20, (index) =>
    admin.send("POST", "/api/v1/chat", {
      message: `What is the tariff of the harbour for every vessel, asked ${index} at ${clock.now()}?`,
    }),
  );
}

/** The served code with another model as its usual one, at a price as no catalogue has it. */
async function dearRelease({ account, served }: Arena): Promise<void> {
  const { source, bindings } = served();
  const dear = source
    .replaceAll(/neurons_out_per_m:\s*[\d_e.]+/g, "neurons_out_per_m:9e9")
    .replaceAll(/neurons_in_per_m:\s*[\d_e.]+/g, "neurons_in_per_m:9e9");
  await deployVersion(account, SERVICE, { modules: { "worker.js": dear }, bindings });
}
