import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
let at: { account_id: string };
beforeAll(async () => {
  rest = await startRest();
  at = { account_id: rest.account_id };
});
afterAll(() => rest.close());

const code = (answer: string) =>
  `export default { fetch: (request, env) => new Response("${answer}" + (env.SECRET ?? "")) }`;
const moduleFile = (content: string, type = "application/javascript+module") =>
  new File([content], "worker.js", { type });
const metadata = (more: object = {}) => ({ main_module: "worker.js", compatibility_date: "2026-11-01", ...more });

/** A multipart upload as wrangler sends it: JSON metadata, modules named by their part. */
async function upload(method: string, path: string, content: string, more: object = {}) {
  const form = new FormData();
  form.set("metadata", JSON.stringify(metadata(more)));
  form.set("worker.js", moduleFile(content));
  const url = `${rest.url}/accounts/${rest.account_id}/workers/scripts/${path}`;
  const response = await fetch(url, { method, headers: { Authorization: "Bearer test-token" }, body: form });
  const body = (await response.json()) as { result: { id: string }; errors: { code: number; message: string }[] };
  return { status: response.status, result: body.result, error: body.errors[0] };
}

test("PUT of a script makes version 1 and deploys it to all traffic", async () => {
  expect(await upload("PUT", "first", code("one"))).toMatchObject({ status: 200, result: { id: "first" } });
  expect(await rest.engine.ask("first")).toBe("one");
  const { deployments } = (await rest.client.workers.scripts.deployments.list("first", at)).result as unknown as {
    deployments: { versions: { percentage: number }[] }[];
  };
  expect(deployments).toMatchObject([{ versions: [{ percentage: 100 }] }]);
  const ids = [];
  for await (const script of rest.client.workers.scripts.list(at)) ids.push(script.id);
  expect(ids).toContain("first");
  expect(await rest.client.workers.scripts.get("first", at)).toBe(code("one"));
});

test("the SDK's own multipart form is understood, bindings included", async () => {
  await rest.client.workers.beta.workers.create({ ...at, name: "by-sdk" });
  const bindings = [
    { type: "plain_text" as const, name: "A", text: "1" },
    { type: "secret_text" as const, name: "SECRET", text: "!" },
  ];
  const form = { ...at, metadata: metadata({ bindings }), files: [moduleFile(code("sdk"))] };
  const { id = "" } = await rest.client.workers.scripts.versions.create("by-sdk", form);
  const stored = rest.engine.registry.get("version", id);
  expect(stored).toMatchObject({ bindings, main_module: "worker.js", compatibility_date: "2026-11-01" });
  expect(stored?.modules["worker.js"]?.content).toBe(code("sdk"));
});

test("a version waits for its deployment, and an old one can be deployed again", async () => {
  await upload("PUT", "staged", code("old"));
  const [old] = rest.engine.registry.list("version").filter(({ script_name }) => script_name === "staged");
  const next = await upload("POST", "staged/versions", code("new"), { annotations: { "workers/message": "better" } });
  expect(await rest.engine.ask("staged")).toBe("old");
  const listed = await rest.client.workers.scripts.versions.list("staged", at);
  expect(listed.result.items).toMatchObject([
    { number: 2, annotations: { "workers/message": "better" } },
    { number: 1 },
  ]);
  const deploy = (version_id: string) =>
    rest.client.workers.scripts.deployments.create("staged", {
      ...at,
      strategy: "percentage",
      versions: [{ version_id, percentage: 100 }],
    });
  await deploy(next.result.id);
  expect(await rest.engine.ask("staged")).toBe("new");
  await deploy(old?.id ?? "");
  expect(await rest.engine.ask("staged")).toBe("old");
});

test("a deployment has one or two versions that exist, each once, summing to 100 %", async () => {
  await upload("PUT", "split", code("a"));
  const b = (await upload("POST", "split/versions", code("b"))).result.id;
  const a = rest.engine.registry.list("version").find(({ script_name }) => script_name === "split")?.id ?? "";
  const deploy = (versions: { version_id: string; percentage: number }[]) =>
    rest
      .call("POST", "/workers/scripts/split/deployments", { strategy: "percentage", versions })
      .then(({ status }) => status);
  expect(
    await deploy([
      { version_id: a, percentage: 90 },
      { version_id: b, percentage: 10 },
    ]),
  ).toBe(200);
  expect(await deploy([{ version_id: a, percentage: 90 }])).toBe(400);
  expect(
    await deploy([
      { version_id: a, percentage: 50 },
      { version_id: a, percentage: 50 },
    ]),
  ).toBe(400);
  expect(await deploy(["x", "y", "z"].map((version_id) => ({ version_id, percentage: 100 / 3 })))).toBe(400);
  expect(await deploy([{ version_id: "none", percentage: 100 }])).toBe(404);
});

test("code that does not start is refused, and the deployment before it goes on", async () => {
  await upload("PUT", "steady", code("fine"));
  const broken = await upload("PUT", "steady", "export default { fetch() { return new Response(");
  expect([broken.status, broken.error?.code]).toEqual([400, 10021]);
  expect(rest.engine.registry.list("deployment").filter(({ script_name }) => script_name === "steady")).toHaveLength(1);
  expect((await upload("PUT", "stillborn", "}{")).status).toBe(400);
  await expect(rest.client.workers.scripts.get("stillborn", at)).rejects.toMatchObject({ status: 404 });
});

test("a secret's value comes back in no answer", async () => {
  const value = "s3cret-value-9f2";
  await upload("PUT", "holder", code("x"), { bindings: [{ type: "secret_text", name: "FIRST", text: value }] });
  await rest.client.workers.scripts.secrets.update("holder", {
    ...at,
    name: "SECRET",
    text: value,
    type: "secret_text",
  });
  expect(await rest.engine.ask("holder")).toBe(`x${value}`);
  const names = [];
  for await (const secret of rest.client.workers.scripts.secrets.list("holder", at)) names.push(secret.name);
  expect(names).toEqual(["FIRST", "SECRET"]);
  const version = rest.engine.registry.list("version").findLast(({ script_name }) => script_name === "holder")?.id;
  for (const path of [
    "",
    "/settings",
    "/secrets",
    "/versions",
    `/versions/${version}`,
    "/deployments",
    "/script-settings",
  ]) {
    const response = await fetch(`${rest.url}/accounts/${rest.account_id}/workers/scripts/holder${path}`, {
      headers: { Authorization: "Bearer test-token" },
    });
    expect(await response.text()).not.toContain(value);
  }
  for (const path of [
    "/workers/workers/holder",
    "/workers/workers/holder/versions",
    `/workers/workers/holder/versions/${version}?include=modules`,
    "/workers/scripts",
  ])
    expect(JSON.stringify((await rest.call("GET", path)).body)).not.toContain(value);
  await rest.client.workers.scripts.secrets.delete("SECRET", { ...at, script_name: "holder" });
  expect(await rest.engine.ask("holder")).toBe("x");
});

test("a secret cannot be changed while the latest version is not live", async () => {
  await upload("PUT", "pending", code("a"));
  await upload("POST", "pending/versions", code("b"));
  await expect(
    rest.client.workers.scripts.secrets.update("pending", { ...at, name: "S", text: "x", type: "secret_text" }),
  ).rejects.toMatchObject({ errors: [{ code: 10215 }] });
});

test("an inherited binding keeps what the latest version has", async () => {
  await upload("PUT", "heir", code("h"), { bindings: [{ type: "secret_text", name: "SECRET", text: "-kept" }] });
  await upload("PUT", "heir", code("i"), { bindings: [{ type: "inherit", name: "SECRET" }] });
  expect(await rest.engine.ask("heir")).toBe("i-kept");
  await upload("PUT", "heir", code("j"), { keep_bindings: ["secret_text"] });
  expect(await rest.engine.ask("heir")).toBe("j-kept");
});

test("a binding to something that does not exist is refused", async () => {
  for (const binding of [
    { type: "d1", name: "DB", id: "none" },
    { type: "kv_namespace", name: "KV", namespace_id: "none" },
    { type: "r2_bucket", name: "R2", bucket_name: "none" },
    { type: "queue", name: "Q", queue_name: "none" },
    { type: "teleporter", name: "T" },
  ])
    expect((await upload("PUT", "bound", code("x"), { bindings: [binding] })).status).toBe(400);
});

test("the free plan refuses a CPU limit, and a bundle over 3 MB compressed", async () => {
  expect((await upload("PUT", "paid", code("x"), { limits: { cpu_ms: 50 } })).error?.code).toBe(100328);
  const noise = randomBytes(3 * 1024 * 1024).toString("base64");
  expect((await upload("PUT", "paid", `${code("x")} // ${noise}`)).error?.code).toBe(10027);
});

test("an account has at most 5 cron triggers, each five valid fields", async () => {
  await upload("PUT", "timed", code("x"));
  await upload("PUT", "timed-too", code("x"));
  const { schedules } = rest.client.workers.scripts;
  const crons = (...all: string[]) => ({ ...at, body: all.map((cron) => ({ cron })) });
  await schedules.update("timed", crons("*/5 * * * *", "17 3 * * *", "0 0 1 * *", "30 2 * * MON-FRI"));
  expect((await schedules.get("timed", at)).schedules.map(({ cron }) => cron)).toContain("17 3 * * *");
  await expect(schedules.update("timed-too", crons("1 * * * *", "2 * * * *"))).rejects.toMatchObject({
    errors: [{ code: 10072 }],
  });
  for (const cron of [
    "* * * *",
    "61 * * * *",
    "@daily",
    "* * * * * *",
    "a b c d e",
    "0 17 * * 0",
    "0 17 * * 8",
    "0 17 * * 0-5",
  ])
    await expect(schedules.update("timed-too", crons(cron))).rejects.toMatchObject({ errors: [{ code: 10100 }] });
  await schedules.update("timed", crons());
});

test("no version from before a Durable Object migration can be deployed any more", async () => {
  await upload("PUT", "moving", code("a"), { migrations: { new_tag: "v1", new_sqlite_classes: ["A"] } });
  const before = rest.engine.registry.list("version").find(({ script_name }) => script_name === "moving")?.id ?? "";
  expect((await upload("PUT", "moving", code("b"), { migrations: { old_tag: "v0", new_tag: "v2" } })).error?.code).toBe(
    10079,
  );
  await upload("PUT", "moving", code("b"), { migrations: { old_tag: "v1", new_tag: "v2", new_sqlite_classes: ["B"] } });
  const rollback = await rest.call("POST", "/workers/scripts/moving/deployments", {
    strategy: "percentage",
    versions: [{ version_id: before, percentage: 100 }],
  });
  expect([rollback.status, rollback.body.errors[0]?.message]).toEqual([
    400,
    expect.stringMatching(/precedes the Durable Object migration/),
  ]);
});

test("a Worker of the newer API exists before its code, takes JSON versions and deploys on request", async () => {
  const { workers } = rest.client.workers.beta;
  const worker = await workers.create({
    ...at,
    name: "modern",
    subdomain: { enabled: true },
    observability: { enabled: true },
  });
  expect(worker).toMatchObject({
    name: "modern",
    subdomain: { enabled: true },
    observability: { enabled: true },
    logpush: false,
    deployed_on: null,
  });
  await expect(workers.create({ ...at, name: "modern" })).rejects.toMatchObject({ status: 409 });
  const modules = [
    {
      name: "worker.js",
      content_type: "application/javascript+module",
      content_base64: Buffer.from(code("json")).toString("base64"),
    },
  ];
  const version = await workers.versions.create(worker.id, {
    ...at,
    ...metadata(),
    modules,
    bindings: [{ type: "secret_text", name: "SECRET", text: "!" }],
  });
  expect(version).toMatchObject({
    number: 1,
    main_module: "worker.js",
    bindings: [{ type: "secret_text", name: "SECRET" }],
  });
  await rest.client.workers.scripts.deployments.create("modern", {
    ...at,
    strategy: "percentage",
    versions: [{ version_id: version.id, percentage: 100 }],
  });
  expect(await rest.engine.ask("modern")).toBe("json!");
  const read = await workers.versions.get(version.id, { ...at, worker_id: "modern", include: "modules" });
  expect(read.modules).toEqual(modules);
  await workers.edit(worker.id, { ...at, logpush: true } as never);
  expect(await workers.get("modern", at)).toMatchObject({
    id: worker.id,
    logpush: true,
    observability: { enabled: true },
  });
  await expect(workers.versions.delete(version.id, { ...at, worker_id: "modern" })).rejects.toMatchObject({
    status: 400,
  });
  await workers.delete(worker.id, at);
  await expect(workers.get(worker.id, at)).rejects.toMatchObject({ status: 404, errors: [{ code: 10007 }] });
});

test("script settings and workers.dev read back as they were set", async () => {
  await upload("PUT", "set", code("x"), { observability: { enabled: true }, logpush: true });
  await rest.client.workers.scripts.settings.edit("set", { ...at, tags: ["a"] });
  expect(await rest.client.workers.scripts.settings.get("set", at)).toMatchObject({
    tags: ["a"],
    logpush: true,
    observability: { enabled: true },
  });
  await rest.client.workers.scripts.scriptAndVersionSettings.edit("set", {
    ...at,
    settings: { bindings: [{ type: "plain_text", name: "SECRET", text: "+" }] },
  });
  expect(await rest.engine.ask("set")).toBe("x+");
  await rest.client.workers.scripts.subdomain.create("set", { ...at, enabled: true });
  expect(await rest.client.workers.scripts.subdomain.get("set", at)).toMatchObject({ enabled: true });
  expect(await rest.client.workers.subdomains.get(at)).toHaveProperty("subdomain");
});
