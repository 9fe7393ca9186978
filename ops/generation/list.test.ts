/** What the commands of generations say before they do anything. That they do it is shown by `generation-slow.test.ts`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { RecordFile, type SwitchRecord, wayOn } from "./record.ts";
import { platformSession } from "./session.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-generation-list-"));
let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ data_dir: folder, api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const ops = async (...words: string[]) => {
  const { code, stdout } = await runCommand([...words, "--data", folder, "--json"]);
  return { code, data: JSON.parse(stdout) };
};
const generation = (...words: string[]) => ops("generation", ...words);

/** As a copy of the database that was interrupted leaves it. */
const interrupted: SwitchRecord = {
  step: "fill",
  begun_at_ms: 0,
  holder: { host: "", pid: 0, machine: null },
  signs: 0,
  database: { from: 1, to: 2, fill: "copy", is_return: false, state: {} },
  vectors: null,
  embedding_model: null,
  opened: null,
};
const leaveInterrupted = async () => {
  const session = await platformSession(platform, folder);
  await RecordFile.open(session.bucket, session.signal, () => interrupted);
  session.close();
};

test("a move says its steps in a dry run and is refused unconfirmed; what is live is not dropped", async () => {
  expect(await generation("move", "all", "--dry-run")).toMatchObject({
    code: 0,
    data: {
      dry_run: true,
      subject: "database g1 and vectors g1",
      steps: expect.arrayContaining([expect.stringContaining("fence writes")]),
    },
  });
  expect((await generation("move", "database")).code).toBe(3);
  expect(await generation("undo", "database", "--dry-run")).toMatchObject({ code: 3 });
  expect(await generation("drop", "database", "1", "--dry-run")).toMatchObject({ code: 3 });
  const { data } = await generation("list");
  expect(data).toMatchObject({ database: { live: 1 }, under_way: null, undo: { database: null, vectors: null } });
});

test("a rebuild says its steps in a dry run, the other model among them, and is refused unconfirmed", async () => {
  const words = ["index", "rebuild", "--embedding-model", "@cf/baai/bge-base-en-v1.5"];
  const planned = await ops(...words, "--dry-run");
  expect(planned).toMatchObject({ code: 0, data: { verb: "rebuild", subject: "database g1 and vectors g1" } });
  expect(planned.data.steps).toContainEqual(
    expect.stringContaining("set EMBEDDING_MODEL to @cf/baai/bge-base-en-v1.5"),
  );
  expect((await ops(...words)).code).toBe(3);
  expect((await generation("list")).data).toMatchObject({ under_way: null, vectors: { generations: [{}] } });
});

test("what was interrupted is told, and what resume and cancel would do with it, without a change", async () => {
  for (const verb of ["resume", "cancel"]) expect((await generation(verb, "--dry-run")).code).toBe(3);
  await leaveInterrupted();
  expect(await generation("resume", "--dry-run")).toMatchObject({
    code: 0,
    data: { verb: "resume", subject: "database g1 to g2" },
  });
  // Its new generation was not declared yet: there is nothing to drop.
  expect(await generation("cancel", "--dry-run")).toMatchObject({ code: 0, data: { step: "fill", would_drop: [] } });
  expect((await generation("list")).data.under_way).toMatchObject({ step: "fill", database: { from: 1, to: 2 } });
});

const FOREIGN = { repository: "/vault", key_files: ["/keys/escrow.json"] };

test.each<[fill: string, command: string, opened?: SwitchRecord["opened"]]>([
  ["copy", "generation resume"],
  ["replay 7", "generation resume"],
  ["snapshot 0123456789abcdef", "restore apply --resume --yes"],
  [
    "snapshot 0123456789abcdef",
    "restore apply --resume --yes --repository /vault --key-file /keys/escrow.json",
    FOREIGN,
  ],
  ["as it was", "restore undo --yes"],
  ["rebuild from snapshot 0123456789abcdef", "vacuum --rebuild --yes"],
  ["rebuild from snapshot 01", "vacuum --rebuild --yes --repository /vault --key-file /keys/escrow.json", FOREIGN],
])("a switch that fills by '%s' is gone on with by %s, which is a command", async (fill, command, opened = null) => {
  const move = { from: 1, to: 2, fill, is_return: false, state: {} };
  expect(wayOn({ database: move, vectors: null, opened })).toBe(`npm run ops -- ${command}`);
  const { code } = await runCommand([...command.split(" "), "--dry-run", "--data", "no-such-folder"]);
  // It is understood, and there is no platform: wrong usage would be 2.
  expect(code).toBe(1);
});
