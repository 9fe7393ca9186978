/** What is remembered, for a deployment and for alerts, of the backups that were restored and compared. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { LAST_VERIFIED, readLastVerified, recordVerified, withdrawVerified } from "./last-verified.ts";
import { withRepository } from "./open.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const { signal } = new AbortController();
let dir: string;
let platform: Platform;
let target: StackTarget;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "last-verified-"));
  platform = await startPlatform({ data_dir: join(dir, "data"), api_budget: false });
  target = await locateStack("local", join(dir, "data"), {}, signal);
});
afterAll(async () => {
  await platform?.close();
  await rm(dir, { recursive: true });
});

async function backup(...words: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const { code, stdout, stderr } = await runCommand(["backup", ...words, "--data", join(dir, "data"), "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}
const known = () => readLastVerified(target, signal);

/** As a command records it that has just checked the newest snapshot; returns what it notes. */
async function checked(repository?: string, find: () => Promise<StackTarget> = async () => target): Promise<string[]> {
  const notes: string[] = [];
  const note = (text: string) => notes.push(text);
  const invocation = {
    ...{ stack: "local" as const, target: find, signal, note, data_dir: join(dir, "data") },
    ...{ env: process.env, now: Date.now },
  };
  await withRepository(invocation, repository === undefined ? {} : { repository }, null, (opened) =>
    recordVerified(invocation, opened, "latest"),
  );
  return notes;
}

async function written(text: string): Promise<void> {
  const storage = s3Storage({ ...(await target.s3()), bucket: "prism-backups", prefix: "" });
  try {
    const { etag } = await storage.look(LAST_VERIFIED, signal);
    await storage.replace(LAST_VERIFIED, Buffer.from(text), etag, signal);
  } finally {
    storage.close();
  }
}

test("a backup counts once it was restored and compared, not when it was made or looked at", async () => {
  const { snapshot, summary } = await backup("create");
  await backup("verify", "--read-data", "50%");
  expect(await known()).toBeNull();
  await backup("verify");
  expect(await known()).toMatchObject({
    stack: "local",
    snapshot: snapshot.id,
    repository: "s3://prism-backups/",
    state_at_ms: summary.state_at_ms,
  });
});

test("a check of an older state takes nothing back; one of a time to come, which a wrong clock gave, does not stand", async () => {
  const record = await known();
  const newer = { ...record, snapshot: "newer", state_at_ms: Date.now() };
  await written(JSON.stringify(newer));
  await checked();
  expect(await known()).toEqual(newer);
  await written(JSON.stringify({ ...newer, state_at_ms: Date.now() + 86_400_000 }));
  await checked();
  expect(await known()).toEqual({ ...record, verified_at_ms: expect.any(Number) });
});

test.each(["{", '{"format":2}'])(
  "a record that is none (%s) is an error, not the lack of a backup; a check writes it anew",
  async (text) => {
    const record = await known();
    await written(text);
    await expect(known()).rejects.toMatchObject({
      parts: {
        subject: "s3://prism-backups/last-verified.json",
        cause: expect.stringContaining("no record of a verified backup"),
        hint: "npm run ops -- backup verify --stack local writes it anew",
      },
    });
    await checked();
    expect(await known()).toMatchObject({ snapshot: record?.snapshot });
  },
);

test("storage that refuses is an error, too", async () => {
  const credentials = { access_key_id: "0".repeat(32), secret_access_key: "1".repeat(64) };
  const stranger = { ...target, s3: async () => ({ ...(await target.s3()), credentials }) };
  await expect(readLastVerified(stranger, signal)).rejects.toMatchObject({ failure: "denied" });
});

test("a repository elsewhere is remembered in the stack's account all the same; without the account the check passes with a note", async () => {
  const vault = join(dir, "vault");
  const { snapshot } = await backup("create", "--repository", vault);
  expect(await checked(vault, () => locateStack("local", join(dir, "no platform"), {}, signal))).toEqual([
    expect.stringMatching(/^Warning: deployments do not learn of this check: .*not running.* Try: npm start/),
  ]);
  expect(await known()).not.toMatchObject({ snapshot: snapshot.id });
  expect(await checked(vault)).toEqual([]);
  expect(await known()).toMatchObject({ snapshot: snapshot.id, repository: vault });
});

test("a snapshot that is found wanting counts no longer; finding another one wanting changes nothing", async () => {
  await checked();
  const { snapshot } = (await known()) ?? { snapshot: "" };
  await withdrawVerified(target, "0123456789abcdef", signal);
  expect(await known()).toMatchObject({ snapshot });
  await withdrawVerified(target, snapshot, signal);
  expect(await known()).toBeNull();
});
