/** A repository that cannot be opened says why in a word, so that no command takes one reason for another. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import type { OpsError } from "../command/errors.ts";
import { invocationOn } from "../command/invocation.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { type RepositoryOptions, withRepository } from "./open.ts";
import { formatKey } from "./repository/key-file.ts";
import { newRepository, type TestRepository } from "./repository/repository.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-open-"));
const path = (name: string) => join(folder, name);
const MISSING = path("no-such-key.json");

const invocation = invocationOn(folder);
const open = (options: RepositoryOptions) => withRepository(invocation, options, null, async ({ id }) => id);

afterAll(() => rmSync(folder, { recursive: true }));

describe("a repository in a folder", () => {
  let one: TestRepository;
  let other: TestRepository;
  beforeAll(async () => {
    [one, other] = [await newRepository(), await newRepository()];
    writeFileSync(path("one.json"), formatKey(one.master));
    writeFileSync(path("other.json"), formatKey(other.master));
    writeFileSync(path("torn.json"), formatKey(one.master).slice(0, -20));
  });
  afterAll(async () => {
    await one.remove();
    await other.remove();
  });

  test("opens with its key", async () => {
    expect(await open({ repository: one.folder, key_file: [path("one.json")] })).toBe(one.master.repository);
  });

  test.each([
    ["no-repository", () => ({ repository: path("nothing-here"), key_file: [path("one.json")] })],
    ["no-key", () => ({ repository: one.folder })],
    ["key-unreadable", () => ({ repository: one.folder, key_file: [MISSING] })],
    ["key-unreadable", () => ({ repository: one.folder, key_file: [path("torn.json")] })],
    ["foreign-key", () => ({ repository: one.folder, key_file: [path("other.json")] })],
    ["foreign-key", () => ({ repository: one.folder, key_file: [path("one.json"), path("other.json")] })],
  ])("otherwise the reason is %s", async (reason, options) => {
    await expect(open(options())).rejects.toMatchObject({ reason });
  });
});

test("where a named place has none, the way out is about that place, and tells no credentials", async () => {
  const at = (repository: string) => open({ repository }).catch(({ parts }: OpsError) => parts.hint);
  expect(await at(path("mistyped"))).toMatch(
    `check the address; npm run ops -- backup create --repository '${path("mistyped")}' --init DIR makes one there`,
  );
});

test("keys are not put into the repository that they open", async () => {
  const making = (keys_to: string) =>
    withRepository(invocation, { repository: path("new") }, { keys_to }, async () => {});
  for (const keys_to of [path("new"), join(path("new"), "keys")])
    await expect(making(keys_to)).rejects.toMatchObject({ exit_code: 2, parts: { op: "make repository" } });
  expect(existsSync(path("new"))).toBe(false);
  await making(path("new keys"));
});

describe("the repository of a stack", () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform({ data_dir: folder });
  });
  afterAll(() => platform.close());

  const vacuum = (...words: string[]) => runCommand(["vacuum", "--dry-run", "--data", folder, "--json", ...words]);
  const changeLogOf = (stdout: string) => JSON.parse(stdout).removed[2];

  test("where there is none, vacuum leaves the change log alone", async () => {
    const { code, stdout } = await vacuum();
    expect([code, changeLogOf(stdout)]).toEqual([
      0,
      { what: "change log", rows: 0, because: expect.stringMatching(/^no repository/) },
    ]);
  });

  test("a backup into a new one elsewhere names a command that opens it as it is printed", async () => {
    const place = ["--repository", path("new vault"), "--init", path("vault keys"), "--data", folder];
    const { code, stdout } = await runCommand(["backup", "create", ...place]);
    const [, named = ""] = /npm run ops -- (.*)$/m.exec(stdout) ?? [];
    expect([code, named]).toEqual([0, expect.stringMatching(/^backup verify --data .* --key-file '/)]);
    const words = [...named.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    expect((await runCommand(words)).code).toBe(0);
    // What was interrupted is typed once more as it was: its keys are where they were put.
    const again = [...place, "--json"];
    expect((await runCommand(["backup", "create", ...again, "--dry-run"])).code).toBe(0);
    expect((await runCommand(["backup", "create", ...again])).code).toBe(0);
  });

  describe("where there is one", () => {
    beforeAll(() => withRepository(invocation, {}, { keys_to: path("keys") }, async () => {}));

    test("a key that cannot be read is no missing repository: vacuum refuses", async () => {
      const { code, stdout } = await vacuum("--key-file", MISSING);
      expect([code, JSON.parse(stdout)]).toMatchObject([2, { error: { subject: MISSING, reason: "key-unreadable" } }]);
    });

    test("a torn key of another repository in the data folder stands in nobody's way; one of its own is told", async () => {
      const keys = path("backup-keys");
      mkdirSync(keys);
      for (const name of readdirSync(path("keys"))) copyFileSync(join(path("keys"), name), join(keys, name));
      writeFileSync(join(keys, "0-another.json"), '{"prism_backup_key": 1');
      expect((await vacuum()).code).toBe(0);
      const [own = ""] = readdirSync(path("keys"));
      writeFileSync(join(keys, own), `\ufeff${readFileSync(join(keys, own), "utf8")}`);
      expect((await vacuum()).code).toBe(0);
      writeFileSync(join(keys, own), "{");
      expect(JSON.parse((await vacuum()).stdout)).toMatchObject({
        error: { subject: join(keys, own), reason: "key-unreadable" },
      });
      rmSync(keys, { recursive: true });
    });

    test("without any key vacuum says so, and leaves the change log alone", async () => {
      const { code, stdout } = await vacuum();
      expect([code, changeLogOf(stdout)]).toMatchObject([0, { rows: 0, because: expect.stringMatching(/^no key/) }]);
    });
  });
});
