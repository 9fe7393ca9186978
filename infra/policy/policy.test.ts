import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import grpc from "@grpc/grpc-js";
import type { Policies, PolicyResource, ResourceValidationArgs, StackValidationArgs } from "@pulumi/policy";
import analyzer_grpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer_pb, { type AnalyzerInfo } from "@pulumi/pulumi/proto/analyzer_pb.js";
import empty_pb from "google-protobuf/google/protobuf/empty_pb.js";
import { beforeAll, describe, expect, test } from "vitest";
import { SECRETS } from "../inventory.ts";
import type { Plan } from "../limits.ts";
import { ACCOUNT_ID, type Program, runProgram, secretOf } from "../program.fixture.ts";
import type { Waiver } from "../waivers.ts";
import { dataStorePolicies } from "./data-stores.ts";
import { workerPolicies } from "./workers.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00Z");

interface Checked {
  type: string;
  name: string;
  props: Record<string, unknown>;
  protect?: boolean;
}

/** Asks every policy about the resources, as the engine would; the violations as `policy: message`. */
async function violations(
  resources: readonly Checked[],
  { plan = "free", waivers = [] }: { plan?: Plan; waivers?: Waiver[] } = {},
): Promise<string[]> {
  const found: string[] = [];
  const policies: Policies = [...dataStorePolicies(waivers, NOW_MS), ...workerPolicies(plan)];
  const shown = resources.map(({ type, name, props, protect = false }) => ({
    type,
    name,
    props,
    urn: `urn:pulumi:production::prism::${type}::${name}`,
    opts: { protect },
  }));
  for (const policy of policies) {
    const report = (message: string) => void found.push(`${policy.name}: ${message}`);
    if ("validateResource" in policy && typeof policy.validateResource === "function")
      for (const each of shown) await policy.validateResource(each as unknown as ResourceValidationArgs, report);
    if ("validateStack" in policy)
      await policy.validateStack({ resources: shown as unknown as PolicyResource[] } as StackValidationArgs, report);
  }
  return found;
}

describe("what the program declares breaks no policy", () => {
  let free: Program;
  let paid: Program;
  beforeAll(async () => {
    free = await runProgram();
    paid = await runProgram({ config: { plan: "paid", cpuMs: 50 } });
  });
  const checked = ({ resources }: Program) => resources.map(({ inputs, ...rest }) => ({ ...rest, props: inputs }));

  test("on the free plan", async () => {
    expect(await violations(checked(free))).toEqual([]);
  });
  test("on the paid plan", async () => {
    expect(await violations(checked(paid), { plan: "paid" })).toEqual([]);
  });
  test("and a program for the paid plan is refused on the free one", async () => {
    expect(await violations(checked(paid))).toEqual([
      expect.stringMatching(/^cpu-limits-need-a-paid-plan: prism-version/),
    ]);
  });
  test("a store that lost its protection is noticed in the real program", async () => {
    const lost = checked(free).map((each) => (each.name === "prism-cache" ? { ...each, protect: false } : each));
    expect(await violations(lost)).toEqual([expect.stringMatching(/^data-stores-are-protected: prism-cache/)]);
  });
});

describe("data stores", () => {
  const database = { type: "cloudflare:index/d1Database:D1Database", name: "prism-db-g1", props: {} };
  const waiver = (expires: string): Waiver => ({ resource: "prism-db-g1", reason: "g2 has replaced it", expires });

  test.each([
    database.type,
    "vectorize:index:VectorizeIndex",
    "cloudflare:index/worker:Worker",
    "cloudflare:index/r2Bucket:R2Bucket",
    "cloudflare:index/queue:Queue",
  ])("an unprotected %s is refused", async (type) => {
    const props = { observability: { enabled: true, logs: { enabled: true } } };
    expect(await violations([{ type, name: "x", props }])).toEqual([
      expect.stringMatching(/^data-stores-are-protected: x holds data and is not protected, and there is no waiver/),
    ]);
    expect(await violations([{ type, name: "x", props, protect: true }])).toEqual([]);
  });

  test("a waiver counts for its store, through its last day", async () => {
    expect(await violations([database], { waivers: [waiver("2026-11-22")] })).toEqual([]);
    expect(await violations([{ ...database, name: "prism-db-g2" }], { waivers: [waiver("2026-11-22")] })).toHaveLength(
      1,
    );
  });

  test("an expired waiver counts no more, and says so", async () => {
    expect(await violations([database], { waivers: [waiver("2026-11-21")] })).toEqual([
      expect.stringContaining("the waiver for prism-db-g1 expired on 2026-11-21"),
    ]);
  });
});

describe("locks", () => {
  const bucket = {
    type: "cloudflare:index/r2Bucket:R2Bucket",
    name: "prism-backups",
    props: { name: "prism-backups-staging" },
    protect: true,
  };
  const lock = (rule: object) => ({
    type: "cloudflare:index/r2BucketLock:R2BucketLock",
    name: "prism-backups-lock",
    props: { bucketName: "prism-backups-staging", rules: [{ enabled: true, prefix: "epoch/", ...rule }] },
    protect: true,
  });
  const age = (days: number) => ({ condition: { type: "Age", maxAgeSeconds: days * 86_400 } });

  test("backups without a lock are refused", async () => {
    expect(await violations([bucket])).toEqual([expect.stringMatching(/^immutable-prefixes-are-locked: .*epoch\//)]);
  });
  test.each([
    ["shorter than its time", age(29)],
    ["switched off", { ...age(30), enabled: false }],
    ["on another prefix", { ...age(30), prefix: "epoch/2026-11/" }],
  ])("a lock that is %s does not count", async (_, rule) => {
    expect(await violations([bucket, lock(rule)])).toHaveLength(1);
  });
  test.each([
    ["its time", age(30)],
    ["longer", age(60)],
    ["no end", { condition: { type: "Indefinite" } }],
    ["the whole bucket", { ...age(30), prefix: "" }],
  ])("a lock with %s counts", async (_, rule) => {
    expect(await violations([bucket, lock(rule)])).toEqual([]);
  });
});

describe("Workers", () => {
  const worker = (observability: unknown) => ({
    type: "cloudflare:index/worker:Worker",
    name: "prism",
    props: { observability },
    protect: true,
  });
  const version = (binding: object, rest: object = {}) => ({
    type: "cloudflare:index/workerVersion:WorkerVersion",
    name: "prism-version",
    props: { bindings: [binding], ...rest },
  });
  const crons = (count: number) => ({
    type: "cloudflare:index/workersCronTrigger:WorkersCronTrigger",
    name: `crons-${count}`,
    props: { schedules: Array.from({ length: count }, (_, minute) => ({ cron: `${minute} * * * *` })) },
  });

  test.each([
    ["none", undefined],
    ["it off", { enabled: false }],
    ["no logs", { enabled: true, logs: { enabled: false } }],
    ["a tenth of it", { enabled: true, headSamplingRate: 0.1, logs: { enabled: true } }],
    ["a tenth of its logs", { enabled: true, headSamplingRate: 1, logs: { enabled: true, headSamplingRate: 0.1 } }],
    ["logs that are only exported", { enabled: true, logs: { enabled: true, persist: false, destinations: ["a"] } }],
  ])("a Worker with observability and %s is refused", async (_, observability) => {
    expect(await violations([worker(observability)])).toEqual([expect.stringMatching(/^workers-are-observed: prism/)]);
  });

  test.each(["API_SECRET", "KEY_PEPPER", "ERROR_WEBHOOK", "SLACK_TOKEN", "DB_PASSWORD", "OPENAI_API_KEY"])(
    "%s in plain text is refused, and taken as secret_text",
    async (name) => {
      expect(await violations([version({ type: "plain_text", name, text: "x" })])).toEqual([
        expect.stringContaining(`binds ${name} as plain_text`),
      ]);
      expect(await violations([version({ type: "secret_text", name, text: "x" })])).toEqual([]);
    },
  );

  test("cron triggers over the plan's limit are refused, counted over all scripts", async () => {
    expect(await violations([crons(2), crons(3)])).toEqual([]);
    expect(await violations([crons(2), crons(4)])).toEqual([expect.stringContaining("6 cron triggers are declared")]);
    expect(await violations([crons(2), crons(4)], { plan: "paid" })).toEqual([]);
  });

  test("a CPU limit is refused on the free plan and taken on the paid one", async () => {
    const limited = version({ type: "ai", name: "AI" }, { limits: { cpuMs: 50 } });
    expect(await violations([limited])).toEqual([expect.stringContaining("remove prism:cpuMs")]);
    expect(await violations([limited], { plan: "paid" })).toEqual([]);
  });
});

test("the pack starts as the engine starts it, and hears the stack's configuration afterwards", async () => {
  const config = {
    accountId: ACCOUNT_ID,
    plan: "free",
    tokensExpire: new Date(Date.now() + 60 * 86_400_000).toISOString().slice(0, 10),
    ...Object.fromEntries(SECRETS.map((key) => [key, secretOf(key)])),
  };
  const pack = spawn(join(import.meta.dirname, "pulumi-analyzer-prism"), ["127.0.0.1:1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = await once(pack.stdout, "data");
    const client = new analyzer_grpc.AnalyzerClient(`127.0.0.1:${Number(port)}`, grpc.credentials.createInsecure());
    const request = new analyzer_pb.AnalyzerStackConfigureRequest().setProject("prism").setStack("staging");
    for (const [key, value] of Object.entries(config)) request.getConfigMap().set(`prism:${key}`, value);
    await new Promise((resolve, reject) => {
      client.configureStack(request, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    const info = await new Promise<AnalyzerInfo>((resolve, reject) => {
      client.getAnalyzerInfo(new empty_pb.Empty(), (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    expect(info.getPoliciesList().map((policy) => policy.getName())).toContain("data-stores-are-protected");
    client.close();
  } finally {
    pack.kill();
    await once(pack, "exit");
  }
});
