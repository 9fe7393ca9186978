import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Encrypter } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { directoryStorage } from "../../storage/directory-storage.ts";
import { initRepository, keyFromPassphrase } from "./key-administration.ts";
import { formatKey, generateReader, joinKeys, parseKey } from "./key-file.ts";
import { partKey } from "./layout.ts";
import { metadataKeys, partId, sha256 } from "./metadata.ts";
import { openRepository } from "./open-repository.ts";
import { encodePart, importContentKey } from "./part.ts";
import { DECEMBER_MS, newRepository, snapshotOf, type TestRepository, textsOf } from "./repository.fixture.ts";
import { signJson, unverifiedJson } from "./signed.ts";

const signal = new AbortController().signal;
let made: TestRepository;
let other: TestRepository;
beforeAll(async () => {
  made = await newRepository();
  other = await newRepository();
});
afterAll(async () => {
  await made.remove();
  await other.remove();
});

test("a key that can only write backs up, builds on earlier snapshots, checks them, and reads none", async () => {
  const writer = await made.open(made.writer);
  expect(writer.can).toEqual({ read: false, write: true, administer: false });
  const first = await snapshotOf(writer, ["a", "b"]);
  // Another process, which never knew the first one's content key.
  const again = await made.open(made.writer);
  const next = await again.beginSnapshot({ tool: "test/1" });
  expect(next.base?.summary).toEqual({ texts: 2 });
  for (const part of next.base?.parts.values() ?? []) if (part.kind === "text") await next.keepPart(part.id);
  expect((await next.putPart("text", Buffer.from("a"))).bytes).toBeGreaterThan(0);
  expect(next.written).toEqual({ objects: 0, bytes: 0, reused_parts: 1 });
  await next.commit({ summary: null, body: { ids: [] } });
  expect(await again.verifyData(100)).toMatchObject({ findings: [], parts_read: 4 });

  const snapshot = await again.openSnapshot(first.id);
  await expect(snapshot.body()).rejects.toMatchObject({ parts: { cause: "key nightly can back up, but not read" } });
  expect(await textsOf(await made.open(made.escrow), first.id)).toEqual(["a", "b"]);
});

test("a part that writers share is read back by the key that wrote it, in the next month too; no other part is", async () => {
  const shared = Buffer.from("hashes of rows");
  const begun = await (await made.open(made.writer)).beginSnapshot({ tool: "test/1" });
  const [open, closed] = [await begun.putPart("shared-hashes", shared), await begun.putPart("text", Buffer.from("x"))];
  await begun.commit({ summary: null, body: { ids: [] } });

  const december = await made.open(made.writer, { now: () => DECEMBER_MS });
  const next = await december.beginSnapshot({ tool: "test/1" });
  await next.keepPart(open.id);
  expect(Buffer.from((await next.base?.readPart(open.id)) ?? [])).toEqual(shared);
  await expect(next.base?.readPart(closed.id)).rejects.toThrow(/can back up, but not read/);
  const { id } = await next.commit({ summary: null, body: { ids: [] } });
  for (const key of [made.writer, made.escrow]) {
    const snapshot = await (await made.open(key)).openSnapshot(id);
    expect(Buffer.from(await snapshot.readPart(open.id))).toEqual(shared);
  }
});

test("there is no repository before its keys are kept", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prism-no-repository-"));
  const storage = directoryStorage(folder);
  const full = async (): Promise<void> => {
    throw new Error("the disk is full");
  };
  await expect(initRepository(storage, { escrow: "e", writer: "w" }, 0, signal, full)).rejects.toThrow("disk is full");
  await expect(storage.look("config", signal)).rejects.toMatchObject({ failure: "missing" });
  rmSync(folder, { recursive: true });
});

test("the escrowed key file alone restores, and cannot pass for a writer", async () => {
  const copy = parseKey(formatKey(made.escrow), "a safe");
  const repository = await made.open(copy);
  expect(repository.can).toEqual({ read: true, write: false, administer: true });
  await expect(repository.beginSnapshot({ tool: "test/1" })).rejects.toMatchObject({
    parts: { cause: "key escrow does not sign", hint: "give the key file of a writer (nightly)" },
  });
});

test("readers come and go without a part being written again; one that went reads nothing new", async () => {
  const partsBefore = made.objects().filter((key) => key.includes("/parts/"));
  const second = await made.keys().addReader("second");
  if (second === null) throw new Error("a pair was to be made");
  const older = await snapshotOf(await made.open(), ["before"]);
  expect(await textsOf(await made.open(second), older.id)).toEqual(["before"]);
  const handed = await generateReader();
  expect(await made.keys().addReader("by recipient", handed.recipient)).toBeNull();
  const { repository, root } = made.escrow;
  const byRecipient = { prism_backup_key: 1 as const, name: "x", repository, root, identity: handed.identity };
  expect(await textsOf(await made.open(byRecipient), older.id)).toEqual(["before"]);

  await made.keys().removeReader("second");
  await expect(made.open(second)).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("not one of its readers") },
  });
  const newer = await snapshotOf(await made.open(), ["after"]);
  expect(await textsOf(await made.open(byRecipient), newer.id)).toEqual(["after"]);
  expect(await textsOf(await made.open(byRecipient), older.id)).toEqual(["before"]);
  for (const key of partsBefore) expect(made.objects()).toContain(key);
});

test("a writer that was removed signs nothing any more; what is vouched for stays", async () => {
  const thief = await made.keys().addWriter("laptop");
  const mine = await snapshotOf(await made.open(thief), ["by laptop"]);
  const pointer = readFileSync(join(made.folder, "pointer"));
  const manifest = made.objects().find((key) => key.endsWith(mine.id)) ?? "";
  const until_ms = statSync(join(made.folder, manifest)).mtimeMs;
  const forged = await snapshotOf(await made.open(thief), ["by thief"]);
  const open = await made.open();
  const snapshot = await open.openSnapshot(mine.id);
  expect(snapshot.info.signer).toBe("laptop");
  expect(await made.keys().removeWriter("laptop", until_ms)).toEqual({ trusted: 1, distrusted: 1, writers_left: 1 });

  const after = await made.open();
  expect(await textsOf(after, mine.id)).toEqual(["by laptop"]);
  await expect(after.openSnapshot(forged.id)).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("retired") },
  });
  const findings = async () => (await (await made.open()).verifyStructure()).findings.map(({ object }) => object);
  // The pointer that the thief's snapshot left is not believed, and neither is an older one of the same signer.
  expect(await findings()).toContain("pointer");
  writeFileSync(join(made.folder, "pointer"), pointer);
  expect(await findings()).toContain("pointer");
  const next = await snapshotOf(after, ["by another writer"]);
  expect(await findings()).not.toContain("pointer");
  // Nobody vouched for what the thief made: without it nothing is missing. In the place of another's manifest it is damage.
  const damages = async () =>
    (await (await made.open()).verifyStructure()).findings.flatMap(({ severity, object }) =>
      severity === "damage" ? [object] : [],
    );
  expect((await (await made.open()).openSnapshot("latest")).info.id).toBe(next.id);
  expect(await damages()).toEqual([]);
  const theirs = made.objects().find((key) => key.endsWith(next.id)) ?? "";
  const content = unverifiedJson(readFileSync(join(made.folder, theirs))) as { format: 1 };
  const whole = readFileSync(join(made.folder, theirs));
  writeFileSync(join(made.folder, theirs), signJson("manifest", { ...content, bytes: 0 }, thief.signer_seed ?? ""));
  expect(await damages()).toEqual([theirs]);
  writeFileSync(join(made.folder, theirs), whole);
  await expect((await made.open(thief)).beginSnapshot({ tool: "x" })).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("no longer") },
  });
});

test("what a removed writer puts where a part will lie is found by whoever reads the data", async () => {
  const own = await newRepository();
  const thief = await own.keys().addWriter("tablet");
  await snapshotOf(await own.open(), ["today"]);
  await own.keys().removeWriter("tablet", Number.POSITIVE_INFINITY);
  const secret = metadataKeys(thief.writer_secret ?? "", thief.repository);
  const guessed = Buffer.from("tomorrow");
  const id = partId(secret, "text", sha256(guessed));
  const [, epoch = "", , content_key = ""] =
    own
      .objects()
      .find((key) => key.includes("/keys/"))
      ?.split("/") ?? [];
  const { object } = await encodePart(
    secret,
    { id: content_key, key: await importContentKey(Buffer.alloc(32)) },
    { id, kind: "text", plain: Buffer.alloc(guessed.length) },
  );
  const planted = partKey(epoch, id, 0);
  mkdirSync(dirname(join(own.folder, planted)), { recursive: true });
  writeFileSync(join(own.folder, planted), object);

  const repository = await own.open();
  await snapshotOf(repository, ["tomorrow"]);
  const damages = ({ findings }: { findings: { object: string }[] }) => findings.map((finding) => finding.object);
  expect(damages(await repository.verifyStructure())).toEqual([]);
  expect(damages(await repository.verifyData(100))).toEqual([planted]);
  await own.remove();
});

test("a passphrase opens the key that was put behind it, and another one does not", async () => {
  await made.keys().addPassphrase("safe", "correct horse battery staple", 10);
  const key = await keyFromPassphrase(made.storage, "correct horse battery staple", signal);
  expect(key).toEqual(made.master);
  await expect(keyFromPassphrase(made.storage, "wrong horse", signal)).rejects.toMatchObject({
    parts: { cause: "none of its 1 passphrases is this one" },
  });
  await made.keys().removePassphrase("safe");
  await expect(keyFromPassphrase(made.storage, "correct horse battery staple", signal)).rejects.toThrow();
});

test("a wrong key, a foreign repository, no repository and a newer format are refused with what to do", async () => {
  const cases: [open: () => Promise<unknown>, cause: RegExp, hint: RegExp][] = [
    [() => openRepository(made.storage, other.writer), /the key is for/, /belong together/],
    [
      () => openRepository(directoryStorage(join(made.folder, "nothing")), made.writer),
      /no repository here/,
      /backup create/,
    ],
    [async () => parseKey("{}", "file.key"), /not a PRISM backup key/, /backup create/],
    [async () => parseKey(" \n", "file.key"), /not a PRISM backup key: it is empty/, /backup create/],
    [async () => parseKey('{"prism_backup_key": 1,', "file.key"), /key: it is no JSON, or cut off/, /backup create/],
    [
      async () => parseKey(formatKey({ ...made.escrow, root: other.escrow.root }), "file.key"),
      /root_seed/,
      /as it was written/,
    ],
    [async () => joinKeys(made.writer, other.escrow), /belongs to repository/, /one repository/],
  ];
  const { prism_backup_key, name, repository, root } = made.escrow;
  const nobody = { prism_backup_key, name, repository, root };
  cases.push([() => openRepository(made.storage, nobody), /can neither read nor write/, /key file/]);
  for (const [open, cause, hint] of cases) {
    await expect(open()).rejects.toMatchObject({
      parts: { cause: expect.stringMatching(cause), hint: expect.stringMatching(hint) },
      exit_code: 3,
    });
  }
  const path = join(other.folder, "config");
  const config = readFileSync(path);
  const payload = unverifiedJson(config) as { format: 1 };
  writeFileSync(path, signJson("config", { ...payload, format: 2 as 1 }, other.escrow.root_seed ?? ""));
  await expect(other.open()).rejects.toMatchObject({
    parts: { hint: "use the release that wrote it, or a newer one" },
  });
  writeFileSync(path, config);
});

test("a lost configuration is taken from its copy under the lock, and written anew by the next backup", async () => {
  rmSync(join(made.folder, "config"));
  const repository = await made.open();
  expect(repository.warnings).toEqual([expect.stringContaining("`config` is missing")]);
  await snapshotOf(repository, ["x"]);
  expect((await made.open()).warnings.filter((text) => text.includes("config"))).toEqual([]);
});

test("an old configuration that is put back is noticed, and gives no reader back what it lost", async () => {
  const before = readFileSync(join(made.folder, "config"));
  const reader = await made.keys().addReader("short-lived");
  const withReader = readFileSync(join(made.folder, "config"));
  await made.keys().removeReader("short-lived");
  for (const old of [before, withReader]) {
    writeFileSync(join(made.folder, "config"), old);
    const writer = await made.open(made.writer, { now: () => DECEMBER_MS });
    expect(writer.warnings).toEqual([expect.stringContaining("was replaced by revision")]);
    const snapshot = await snapshotOf(writer, [`secret ${old.length}`]);
    if (reader) await expect(made.open(reader)).rejects.toThrow("not one of its readers");
    expect(await textsOf(await made.open(), snapshot.id)).toEqual([`secret ${old.length}`]);
  }
});

test("what somebody else encrypted for the readers is not believed", async () => {
  const encrypter = new Encrypter();
  encrypter.addRecipient((await generateReader()).recipient);
  const before = new Set(made.objects());
  await snapshotOf(await made.open(), ["for the readers"]);
  const key = made.objects().find((object) => object.includes("/keys/") && !before.has(object)) ?? "";
  const whole = readFileSync(join(made.folder, key));
  writeFileSync(join(made.folder, key), await encrypter.encrypt(new Uint8Array(32)));
  const report = await (await made.open()).verifyStructure();
  expect(report.findings.map(({ object }) => object)).toContain(key);
  writeFileSync(join(made.folder, key), whole);
});
