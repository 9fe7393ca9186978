/** Restores from a repository that cannot be written, or that ends being readable in the middle. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { StackRig, undisturbed } from "../backup/torture/stack-rig.fixture.ts";
import type { Fault, Passing } from "../storage/wire.fixture.ts";

let rig: StackRig;
/** In a bucket, under a prefix of its own, with credentials in the environment. */
let place: string;
let snapshot: string;
const DENIED = { kind: "answer", status: 403, body: "<Error><Code>AccessDenied</Code></Error>" } as const;
const FULL = { kind: "answer", status: 507, body: "<Error><Code>XMinioStorageFull</Code></Error>" } as const;
const READS_ONLY = { kind: "answer", status: 501, body: "<Error><Code>NotImplemented</Code></Error>" } as const;
const isOfPlace = ({ path }: Passing) => path.startsWith("/prism-backups/elsewhere/");

beforeAll(async () => {
  rig = await StackRig.start();
  const { access_key_id, secret_access_key } = rig.service.platform.s3_credentials;
  vi.stubEnv("PRISM_BACKUP_ACCESS_KEY_ID", access_key_id);
  vi.stubEnv("PRISM_BACKUP_SECRET_ACCESS_KEY", secret_access_key);
  const [wire] =
    /http:\/\/[^"]+/.exec(
      /"s3_url": ?"[^"]+"/.exec(await readFile(join(rig.dir, "platform.json"), "utf8"))?.[0] ?? "",
    ) ?? [];
  place = `s3://prism-backups/elsewhere?endpoint=${wire}`;
  await rig.putDocument("spring", "Water rises from the ground at a spring.");
  await rig.putConfig("flag", "on");
  snapshot = (await rig.done("backup", "create", "--repository", place)).snapshot.id;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rig.close();
});

/** Paths of what a restore read of the repository, in their order. */
const read: string[] = [];

test("a repository that cannot be written is verified, drilled and restored from; that it keeps no mark is said", {
  timeout: 600_000,
}, async () => {
  const note = `snapshot ${snapshot} passed, and its repository does not remember it`;
  const refusing = async (answer: Fault, ...words: string[]) => {
    rig.judge = (passing) => {
      if (!isOfPlace(passing)) return null;
      if (passing.method === "GET" && passing.path.includes("/parts/")) read.push(passing.path);
      return passing.method === "PUT" || passing.method === "DELETE" ? answer : null;
    };
    const done = await rig.ops(...words, "--repository", place);
    rig.judge = undisturbed;
    expect(done, done.stderr).toMatchObject({ code: 0, stderr: expect.stringContaining(note) });
    return JSON.parse(done.stdout);
  };
  // Its credentials may only read, its disk is full, it takes no writes at all.
  for (const answer of [DENIED, FULL, READS_ONLY])
    expect(await refusing(answer, "backup", "verify")).toMatchObject({ passed: true, level: "restore" });
  await refusing(DENIED, "drill");
  read.length = 0;
  await refusing(FULL, "restore", "apply", "--yes");
});

test("an object that is refused alone is named by verify, and salvage writes all the rest", async () => {
  // The part of the configuration: what lists the parts itself could not be done without.
  const alone = read.at(-1) ?? "";
  rig.judge = (passing) => (isOfPlace(passing) && passing.path === alone ? DENIED : null);
  const verified = await rig.ops("backup", "verify", "--repository", place);
  const taken = join(rig.dir, "salvaged");
  const salvaged = await rig.ops("backup", "export", "--salvage", taken, "--repository", place);
  rig.judge = undisturbed;
  const object = alone.slice(alone.indexOf("epoch/")).split("?")[0];
  expect([verified.code, JSON.parse(verified.stdout).findings]).toEqual([
    1,
    [expect.objectContaining({ object, cause: expect.stringContaining("cannot be read (403") })],
  ]);
  expect([salvaged.code, JSON.parse(salvaged.stdout).lost.parts]).toMatchObject([4, [{ object }]]);
});

test("credentials that end after the switch leave a restore done in part, and --resume finds the repository again", async () => {
  // The configuration is read last, and once before, when everything was verified.
  const last = read.at(-1);
  let reads = 0;
  await rig.putConfig("flag", "off");
  rig.judge = (passing) => {
    if (isOfPlace(passing) && passing.method === "GET" && passing.path === last) reads += 1;
    return isOfPlace(passing) && reads > 1 ? DENIED : null;
  };
  const cut = await rig.ops("restore", "apply", "--yes", "--repository", place);
  rig.judge = undisturbed;
  expect(cut.code, cut.stdout + cut.stderr).toBe(4);
  expect(JSON.parse(cut.stdout).error).toMatchObject({
    cause: expect.stringMatching(/database and index are restored and live.*configuration is not/),
    hint: expect.stringMatching(/restore apply --data \S+ --repository 's3:\S+' .*--resume/),
  });
  const record = await rig.service.platform.runtime.r2("prism-vectors");
  const kept = await (await record.get("generations/restore.json"))?.text();
  expect(kept).toContain("s3://prism-backups/elsewhere");
  expect(kept).not.toContain(rig.service.platform.s3_credentials.secret_access_key);
  expect(await rig.done("restore", "apply", "--resume", "--yes")).toMatchObject({ restored: { snapshot } });
});
