/** The life of a stack under the real engine, from an empty account to none; the tests are its chapters, in order. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeleteObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { StackOutputs } from "../../infra/outputs.ts";
import { isDataStore } from "../../infra/policy/data-stores.ts";
import { runCli } from "../../ops/command/run-cli.fixture.ts";
import { migrate } from "../migrate.ts";
import { type EngineStack, startEngineStack } from "./engine.fixture.ts";

const ROOT = join(import.meta.dirname, "../..");
const POLICY_PACK = join(ROOT, "infra/policy/pulumi-analyzer-prism");
const INDEX = "prism-chunks-g1";
const UP = ["up", "--yes", "--skip-preview"];

let stack: EngineStack;
let client: Cloudflare;
let account: { account_id: string };
let outputs: StackOutputs;

beforeAll(async () => {
  stack = await startEngineStack();
  const { api_token, api_url, account_id } = stack.platform;
  client = new Cloudflare({ apiToken: api_token, baseURL: api_url });
  account = { account_id };
});
afterAll(() => stack?.close());

const urnOf = (type: string, name: string) => `urn:pulumi:local::prism::${type}::${name}`;
const indexUrn = urnOf("vectorize:index:VectorizeIndex", INDEX);

interface Step {
  op: string;
  urn: string;
  detailedDiff?: Record<string, { kind: string }> | null;
}
/** What an `up` would do, but for what stays. */
async function plan(...options: string[]): Promise<Step[]> {
  const { steps } = JSON.parse(await stack.pulumi("preview", "--json", ...options)) as { steps: Step[] };
  return steps.filter(({ op }) => op !== "same");
}
const named = (steps: readonly Step[]) => steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`);

async function journeysPass(): Promise<void> {
  const { code, stdout, stderr } = await runCli(["synthetic", "--data", join(stack.folder, "platform"), "--json"]);
  expect([code, stderr, stdout]).toEqual([0, expect.anything(), expect.stringContaining('"passed":true')]);
}

async function emptyBucket(Bucket: string): Promise<void> {
  const { s3_url, s3_credentials } = stack.platform;
  const s3 = new S3Client({
    region: "auto",
    endpoint: s3_url,
    forcePathStyle: true,
    credentials: {
      accessKeyId: s3_credentials.access_key_id,
      secretAccessKey: s3_credentials.secret_access_key,
    },
  });
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
  for (const { Key } of Contents) await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  s3.destroy();
}

test("before anything is deployed the service says so", async () => {
  const { status } = await fetch(`${stack.platform.url}/health`);
  expect(status).toBe(503);
});

test("a preview of an empty account breaks no policy, creates every resource, and changes nothing", async () => {
  await stack.pulumi("preview", "--policy-pack", POLICY_PACK);
  expect(await client.d1.database.list(account)).toMatchObject({ result: [] });
});

test("the policy pack refuses a store without protection", async () => {
  const project = join(stack.folder, "Pulumi.yaml");
  const text = readFileSync(project, "utf8");
  writeFileSync(project, stringify({ ...parse(text), main: join(ROOT, "infra/unprotected-store.fixture.ts") }));
  try {
    const { code, stdout } = await stack.tryPulumi("preview", "--policy-pack", POLICY_PACK);
    expect(code).not.toBe(0);
    expect(stdout).toContain("forgotten holds data and is not protected, and there is no waiver for it");
    expect(stdout).toContain("Declare it with keep() of infra/protection.ts");
  } finally {
    writeFileSync(project, text);
  }
});

test("up deploys the real bundle, and the synthetic journeys pass on what it deployed", async () => {
  await stack.pulumi(...UP);
  outputs = await stack.outputs();
  const live = outputs.database.generations[0]?.id ?? "";
  await migrate((queries) => stack.platform.runtime.queryD1(live, queries));
  await journeysPass();
});

test("a second up changes nothing, read from the repository itself", async () => {
  const config = join(stack.folder, "Pulumi.local.yaml");
  await stack.pulumi(...UP, "--cwd", ROOT, "--stack", "local", "--config-file", config, "--expect-no-changes");
});

test("a changed variable is a new version and its deployment, and nothing else", async () => {
  stack.setConfig({ variables: { LOG_LEVEL: "DEBUG" } });
  expect(named(await plan()).filter((step) => step.startsWith("replace "))).toEqual([
    "replace prism-version",
    "replace prism-deployment",
  ]);
  await stack.pulumi(...UP);
  outputs = await stack.outputs();
  const { headers } = await fetch(`${stack.platform.url}/health/live`);
  expect(headers.get("x-worker-version")).toContain(outputs.worker.version_id);
  await journeysPass();
});

test("a refresh shows no drift, however much the service was used", async () => {
  await stack.pulumi("refresh", "--yes", "--expect-no-changes");
});

test("a refresh notices an index that was changed behind its back, and up puts it right", async () => {
  await client.vectorize.indexes.metadataIndex.delete(INDEX, { ...account, propertyName: "author" });
  const { code } = await stack.tryPulumi("refresh", "--preview-only", "--expect-no-changes");
  expect(code).not.toBe(0);
  const steps = (await plan("--refresh")).filter(({ op }) => op !== "refresh");
  expect(named(steps)).toEqual([`update ${INDEX}`]);
  expect(Object.keys(steps[0]?.detailedDiff ?? {})).toEqual(["metadataIndexes"]);
  await stack.pulumi(...UP, "--refresh");
  const live = await client.vectorize.indexes.metadataIndex.list(INDEX, account);
  expect(live?.metadataIndexes?.map(({ propertyName }) => propertyName)).toContain("author");
});

test("other dimensions plan a replacement, which protection refuses", async () => {
  const vectors = (dimensions: number) => ({ live: 1, generations: [{ generation: 1, dimensions }] });
  stack.setConfig({ vectors: vectors(768) });
  const { code, stdout } = await stack.tryPulumi("preview");
  stack.setConfig({ vectors: vectors(384) });
  expect(code).not.toBe(0);
  expect(stdout).toMatch(/unable to replace resource "\S+prism-chunks-g1"\s+as it is currently marked for protection/);
});

test("no secret stands in the state, in the project's folder, or in what was printed", async () => {
  const values = [
    ...Object.values(stack.secrets),
    ...Object.values(outputs.tokens),
    ...Object.values(outputs.s3.credentials).map(({ secret_access_key }) => secret_access_key),
    stack.platform.api_token,
    stack.env.PULUMI_CONFIG_PASSPHRASE ?? "",
  ];
  const forms = values.flatMap((value) => [
    value,
    ...(["base64", "base64url", "hex"] as const).map((encoding) => Buffer.from(value).toString(encoding)),
  ]);
  expect(new Set(forms).size).toBeGreaterThan(50);
  const files = readdirSync(stack.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    // The platform's own data, which is the account's.
    .filter((path) => !path.startsWith(join(stack.folder, "platform")));
  expect(files.filter((path) => path.startsWith(stack.backend)).length).toBeGreaterThan(3);
  const texts = [...files.map((path) => [path, readFileSync(path, "latin1")]), ["output", stack.printed.join("\n")]];
  const leaks = texts.filter(([, text = ""]) => forms.some((form) => text.includes(form))).map(([path]) => path);
  expect(leaks).toEqual([]);
});

test("destroy is refused, and nothing is gone", async () => {
  const { code, stdout } = await stack.tryPulumi("destroy", "--yes");
  expect(code).not.toBe(0);
  expect(stdout).toMatch(/prism-db-g1" cannot be deleted\s+because it is protected/);
  await journeysPass();
});

test("the provider refuses to delete an index that holds vectors, even when nothing else does", async () => {
  const { api_url, api_token, account_id } = stack.platform;
  const values = Array.from({ length: 384 }, (_, at) => (at === 0 ? 1 : 0));
  await fetch(`${api_url}/accounts/${account_id}/vectorize/v2/indexes/${INDEX}/upsert`, {
    method: "POST",
    headers: { authorization: `Bearer ${api_token}`, "content-type": "application/x-ndjson" },
    body: JSON.stringify({ id: "kept", values }),
  });
  const state = JSON.parse(await stack.pulumi("stack", "export"));
  const index = state.deployment.resources.find(({ urn }: { urn: string }) => urn === indexUrn);
  const file = join(stack.folder, "edited.json");
  Object.assign(index, { protect: false, retainOnDelete: false });
  writeFileSync(file, JSON.stringify(state));
  await stack.pulumi("stack", "import", "--file", file);
  const target = ["--target", indexUrn, "--target-dependents"];
  const { code, stdout } = await stack.tryPulumi("destroy", "--yes", "--skip-preview", ...target);
  expect(code).not.toBe(0);
  expect(stdout).toContain(`Cannot delete the Vectorize index ${INDEX}: it holds 1 vector,`);
});

test("with waivers for every store, destroy takes everything along", async () => {
  const state = JSON.parse(await stack.pulumi("stack", "export"));
  const expires = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const waivers = (state.deployment.resources as { type: string; urn: string }[])
    .filter(({ type }) => isDataStore(type))
    .map(({ urn }) => ({ resource: urn.split("::").at(-1), reason: "the test is over", expires }));
  stack.setConfig({ waivers });
  await stack.pulumi(...UP);
  await emptyBucket(outputs.buckets.vectors);
  await stack.pulumi("destroy", "--yes", "--skip-preview");
  expect((await client.d1.database.list(account)).result).toEqual([]);
  expect((await client.vectorize.indexes.list(account)).result).toEqual([]);
  expect((await fetch(`${stack.platform.url}/health`)).status).toBe(503);
});
