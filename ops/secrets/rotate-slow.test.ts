/** Both ends of a rotation under load: whoever holds the old secret, and whoever holds the new one. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { localDriver } from "../../local/pulumi/local-driver.ts";
import { runCli } from "../command/run-cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-rotate-"));
let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ data_dir: folder, api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

let printed = "";
const rotate = async (...words: string[]) => {
  const run = await runCli(["secrets", "rotate", ...words, "--data", folder, "--json"], { PRISM_NEW_SECRET: "" });
  printed += run.stdout + run.stderr;
  return { ...run, data: JSON.parse(run.stdout) };
};
const told = (): { api_secret: string } => JSON.parse(readFileSync(join(folder, "platform.json"), "utf8"));
const kept = (): Record<string, string> => JSON.parse(readFileSync(join(folder, "identity.json"), "utf8")).secrets;

const as = (bearer: string, path: string, method = "GET") =>
  fetch(`${platform.url}${path}`, { method, headers: { authorization: `Bearer ${bearer}` } });
const newToken = async (): Promise<string> => {
  const response = await as(platform.admin_key, "/api/v1/auth/token", "POST");
  const body = await response.text();
  if (!response.ok) throw new Error(`no token: ${response.status} ${body}`);
  return JSON.parse(body).token;
};

/** Callers that never stop: each holds what it was given once, but for those that ask what is told now. */
class Load {
  requests = 0;
  readonly failures: string[] = [];
  readonly #stopped = new AbortController();
  readonly #callers: Promise<void>[] = [];

  caller(name: string, call: () => Promise<Response>): void {
    this.#callers.push(
      (async () => {
        while (!this.#stopped.signal.aborted) {
          this.requests += 1;
          const status = await call().then(
            async (response) => {
              await response.arrayBuffer();
              return String(response.status);
            },
            (error: unknown) => String(error),
          );
          if (status !== "200") this.failures.push(`${name}: ${status}`);
        }
      })(),
    );
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#callers);
  }
}

test("API_SECRET is rotated with 0 failed requests of old and new holders; after --retire the old one is refused", async () => {
  const old = told().api_secret;
  expect((await rotate("API_SECRET", "--dry-run")).data.phases.map(({ phase }: { phase: string }) => phase)).toEqual([
    "staged",
    "switched",
  ]);
  const load = new Load();
  load.caller("old holder", () => as(old, "/api/v1/keys?limit=1"));
  load.caller("whoever reads what is told", () => as(told().api_secret, "/api/v1/keys?limit=1"));
  load.caller("key", () => as(platform.admin_key, "/api/v1/documents?limit=1"));
  const rotated = await rotate("API_SECRET");
  expect(rotated).toMatchObject({ code: 0, data: { accepted: "old and new" } });
  await load.stop();
  expect({ failures: load.failures, many: load.requests > 50 }).toEqual({ failures: [], many: true });

  const now = told().api_secret;
  expect(now).not.toBe(old);
  for (const secret of [old, now]) expect((await as(secret, "/api/v1/keys?limit=1")).status).toBe(200);
  expect((await rotate("API_SECRET", "--retire", "--yes")).code).toBe(3);
  expect((await rotate("API_SECRET", "--retire", "--early")).code).toBe(3);
  const retiring = new Load();
  retiring.caller("new holder", () => as(now, "/api/v1/keys?limit=1"));
  expect(await rotate("API_SECRET", "--retire", "--early", "--yes")).toMatchObject({
    code: 0,
    data: { accepted: "new" },
  });
  await retiring.stop();
  expect(retiring.failures).toEqual([]);
  expect((await as(old, "/api/v1/keys?limit=1")).status).toBe(401);
  expect((await as(now, "/api/v1/alerts")).status).toBe(200);
  for (const secret of [old, now]) expect(printed).not.toContain(secret);
});

test("two rotations that begin at once come to one: the old value is accepted still, and the new one is told", async () => {
  const old = kept().API_SECRET ?? "";
  const both = await Promise.all([rotate("API_SECRET"), rotate("API_SECRET")]);
  // Whoever is overtaken says so, and has changed nothing any more.
  for (const { code, data } of both)
    expect([code, data.error?.reason ?? data.accepted]).toEqual(code === 0 ? [0, "old and new"] : [3, "busy"]);
  expect((await rotate("API_SECRET")).data).toMatchObject({ phases: [], accepted: "old and new" });
  const { API_SECRET: now = "", API_SECRET_PREVIOUS: previous } = kept();
  expect([previous, now === old]).toEqual([old, false]);
  for (const secret of [old, now]) expect((await as(secret, "/api/v1/keys?limit=1")).status).toBe(200);
  expect(told().api_secret).toBe(now);
  expect((await rotate("API_SECRET", "--retire", "--early", "--yes")).code).toBe(0);
});

test("JWT_SECRET is rotated with 0 failed requests of tokens made before, between and after, although it was cut off", async () => {
  const { JWT_SECRET: old } = kept();
  // As a process leaves it that was killed before its deployment.
  const { signal } = new AbortController();
  const at = new Date().toISOString();
  await localDriver({ data_dir: folder, platform, signal }).changeSecret(
    { kind: "set", name: "JWT_SECRET_PREVIOUS", value: "n".repeat(43) },
    { rotation: { secret: "JWT_SECRET", phase: "staging", at } },
  );
  const tokens = [await newToken()];
  const load = new Load();
  load.caller("first token", () => as(tokens[0] ?? "", "/api/v1/documents?limit=1"));
  load.caller("newest token", async () => {
    tokens.push(await newToken());
    return as(tokens.at(-1) ?? "", "/api/v1/documents?limit=1");
  });
  let next = 0;
  load.caller("any token", () => as(tokens[next++ % tokens.length] ?? "", "/api/v1/documents?limit=1"));
  expect((await rotate("JWT_SECRET")).code).toBe(0);
  expect((await rotate("ALERT_WEBHOOK_SECRET")).stdout).toContain("JWT_SECRET is switched");
  await load.stop();
  expect({ failures: load.failures, many: load.requests > 50 }).toEqual({ failures: [], many: true });
  const { JWT_SECRET, JWT_SECRET_PREVIOUS } = kept();
  expect([JWT_SECRET, JWT_SECRET_PREVIOUS]).toEqual(["n".repeat(43), old]);
  for (const secret of [JWT_SECRET, JWT_SECRET_PREVIOUS]) expect(printed).not.toContain(secret);
});
