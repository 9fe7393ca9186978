/** The machine that backs up has a key with which it can read nothing; the key in the safe brings everything back. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { StackRig } from "./stack-rig.fixture.ts";

const SECRET = "Kingfishers nest above the seventeenth lock";
let rig: StackRig;
beforeAll(async () => {
  rig = await StackRig.start();
  for (const id of ["a", "b", "c"]) await rig.putDocument(id, `# ${id}\n\n${SECRET}, says ${id}. `.repeat(4));
  await rig.putConfig("flag", SECRET);
});
afterAll(() => rig.close());

test("a key that can only encrypt backs up, row by row, and reads nothing; the escrowed key alone restores", {
  timeout: 300_000,
}, async () => {
  const [vault, keys] = [join(rig.dir, "vault"), join(rig.dir, "safe")];
  const first = await rig.done("backup", "create", "--repository", vault, "--init", keys);
  const names = await readdir(keys);
  const [escrow = "", writer = ""] = ["-escrow.json", "-local.json"].map(
    (end) => names.find((name) => name.endsWith(end)) ?? "",
  );
  const as = (name: string): string[] => ["--repository", vault, "--key-file", join(keys, name)];

  await rig.putDocument("c", `# c\n\n${SECRET}, says c once more.`);
  const next = await rig.done("backup", "create", ...as(writer));
  expect(next.summary).toMatchObject({ kind: "incremental", base: first.snapshot.id });
  expect(await rig.done("backup", "verify", ...as(writer))).toMatchObject({
    passed: true,
    level: "data",
    restore: null,
  });
  for (const words of [
    ["backup", "show", "latest"],
    ["restore", "apply", "--yes"],
    ["restore", "plan"],
  ]) {
    const { code, stdout } = await rig.ops(...words, ...as(writer));
    expect([words.join(" "), code]).toEqual([words.join(" "), 3]);
    expect(JSON.parse(stdout).error).toMatchObject({
      cause: expect.stringContaining("can back up, but not read"),
      hint: expect.stringContaining("escrowed key file"),
    });
  }
  const files = readdirSync(vault, { recursive: true, encoding: "utf8" }).map((name) => join(vault, name));
  const readable = files.filter((file) => statSync(file).isFile() && readFileSync(file).includes("Kingfishers"));
  expect(readable).toEqual([]);

  const before = await rig.state();
  await rig.service.call("DELETE", "/api/v1/documents/a");
  await rig.putConfig("flag", "something else");
  expect(await rig.done("backup", "verify", ...as(escrow))).toMatchObject({ passed: true, level: "restore" });
  await rig.done("restore", "apply", "--yes", ...as(escrow));
  expect(await rig.state()).toEqual(before);
  const denied = await rig.ops("backup", "create", ...as(escrow));
  expect(denied.code).toBe(3);
  expect(JSON.parse(denied.stdout).error.cause).toContain("does not sign");
});
