/** How a run goes, with runbooks of the test's own: steps are real shells. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { invocationOn } from "../command/invocation.fixture.ts";
import type { Invocation } from "../command/invocation.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import type { SoundRunbook } from "./library.ts";
import { runRunbook } from "./run.ts";
import { readTranscript, runsIn } from "./transcript.ts";
import { runbookOf } from "./trial.fixture.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prism-runbook-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const AUTO = { auto: true, max_risk: "change" } as const;
const run = async (runbook: SoundRunbook, wishes = {}, own: Partial<Invocation> = {}) =>
  (await runRunbook(invocationOn(folder, own), runbook, { ...AUTO, ...wishes })).data;
const outcomes = ({ steps }: Awaited<ReturnType<typeof run>>) => steps.map(({ name, outcome }) => `${name} ${outcome}`);
const newest = async () => await readTranscript(folder, (await runsIn(folder))[0] ?? "");

describe("a run", () => {
  test("goes on after what a step expects, and stops with the runbook's words after anything else", async () => {
    const runbook = runbookOf([
      ['step=says risk=read expect="output:/all (is )?well/"', "echo all is well"],
      ["step=refused risk=read expect=exit:3", "exit 3"],
      ["step=any risk=read", "false; echo never said"],
      ["step=wrong risk=change expect=exit:0 undo=back", "echo half done; exit 4"],
      ["step=later risk=read", "true"],
      ["step=back risk=change", "true"],
    ]);
    const ran = await run(runbook);
    expect(ran).toMatchObject({ outcome: "failed", undo: "back", if_it_fails: "Only look is safe to repeat." });
    expect(ran.steps.map(({ name, outcome, exit_code }) => [name, outcome, exit_code])).toEqual([
      ["says", "passed", 0],
      ["refused", "passed", 3],
      ["any", "passed", 1],
      ["wrong", "failed", 4],
      ["later", "not run", null],
    ]);
  });

  test("does a conditional step only where an earlier one came to it, or its situation was named", async () => {
    const runbook = runbookOf([
      ["step=look risk=read", "echo the index is stale; exit 1"],
      ["step=well risk=read when=look:passed", "true"],
      ["step=mend risk=read when=look:failed", "true"],
      ["step=fill risk=read when=look:output:/stale|empty/", "exit 3"],
      ["step=after risk=read when=fill:exit:3", "true"],
      ["step=after-skipped risk=read when=well:failed", "true"],
      ["step=own-server risk=read when=upstream", "true"],
    ]);
    expect(outcomes(await run(runbook))).toEqual([
      "look passed",
      "well skipped",
      "mend passed",
      "fill passed",
      "after passed",
      "after-skipped skipped",
      "own-server skipped",
    ]);
    expect(outcomes(await run(runbook, { when: ["upstream"] }))).toContain("own-server passed");
  });

  test("does what takes back, and what is the last resort, only where it is begun with", async () => {
    const runbook = runbookOf(
      [
        ["step=shut risk=read undo=open", "true"],
        ["step=open risk=read", "true"],
      ],
      [["step=desperate risk=read", "true"]],
    );
    expect(outcomes(await run(runbook))).toEqual(["shut passed"]);
    expect(outcomes(await run(runbook, { from: "open" }))).toEqual(["open passed"]);
    expect(outcomes(await run(runbook, { from: "desperate" }))).toEqual(["desperate passed"]);
    await expect(run(runbook, { from: "gone" })).rejects.toMatchObject({ exit_code: 2 });
  });

  test("ends a step that takes longer than it may", async () => {
    const ran = await run(runbookOf([["step=hang risk=read timeout=200ms", "sleep 60"]]));
    expect(ran).toMatchObject({ outcome: "failed", steps: [{ outcome: "timed out", exit_code: null }] });
  });

  test("gives its steps the stack, the data folder and the caller's variables, and writes no secret down", async () => {
    const env = { ...process.env, PRISM_KEY: "s3cret-of-the-caller", SECRET_NAME: "JWT_SECRET" };
    const commands = 'echo "$PRISM_STACK $PRISM_DATA $PRISM_KEY $SECRET_NAME" prism_abcd1234_abcdefgh';
    await run(runbookOf([["step=tell risk=read", commands]]), {}, { env });
    const { records, path } = await newest();
    expect(records.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ output: `local ${folder} [redacted] JWT_SECRET prism_abcd1234_[redacted]\n` }),
    );
    expect(readFileSync(path, "utf8")).not.toContain("s3cret");
  });
});

describe("nothing is begun", () => {
  const touch = (info: string) => runbookOf([[info, `touch ${join(folder, "touched")}`]]);
  const refusals: [what: string, runbook: () => SoundRunbook, wishes: object, cause: RegExp][] = [
    ["where nobody can be asked", () => touch("step=a risk=read"), { auto: undefined }, /nobody is there/],
    ["where a step risks more than allowed", () => touch("step=a risk=destructive"), {}, /a \(destructive\)/],
    [
      "where a variable is missing",
      () => runbookOf([["step=a risk=read", `# don't read $UNREAD\necho "$LEAKED_ID" # it's $UNREAD`]]),
      {},
      /not set: LEAKED_ID \(a\)$/,
    ],
  ];
  test.each(refusals)("%s", async (_, runbook, wishes, cause) => {
    await expect(run(runbook(), wishes)).rejects.toMatchObject({
      exit_code: 3,
      parts: { cause: expect.stringMatching(cause) },
    });
    expect(await runsIn(folder)).toEqual([]);
  });

  test("in a dry run, which shows the commands", async () => {
    const runbook = touch("step=a risk=destructive");
    const { data, text } = await runRunbook(invocationOn(folder, { dry_run: true }), runbook, { max_risk: "change" });
    expect(data).toMatchObject({ run_id: null, outcome: "planned", steps: [{ name: "a", outcome: "not run" }] });
    expect(text).toContain("touch ");
    expect(await runsIn(folder)).toEqual([]);
  });

  test("but a step of a situation that nobody named may risk what it likes, and need what it likes", async () => {
    const runbook = runbookOf([["step=a risk=destructive when=upstream", 'echo "$LEAKED_ID"']]);
    expect(outcomes(await run(runbook))).toEqual(["a skipped"]);
  });
});

describe("a run that did not come to its end", () => {
  const runbook = () =>
    runbookOf([
      ["step=once risk=read", `echo x >> ${join(folder, "once")}`],
      ["step=gate risk=read expect=exit:0", `test -e ${join(folder, "open")}`],
      ["step=last risk=read when=once:passed", "true"],
    ]);

  test("goes on at its first unfinished step, in the same transcript", async () => {
    const failed = await run(runbook());
    expect(outcomes(failed)).toEqual(["once passed", "gate failed", "last not run"]);
    const { path } = await newest();
    // A process that was killed while it wrote.
    appendFileSync(path, '{"seq":9,"at":"20');
    writeFileSync(join(folder, "open"), "");
    const resumed = await run(runbook(), { resume: true });
    expect(resumed.run_id).toBe(failed.run_id);
    expect(outcomes(resumed)).toEqual(["once passed", "gate passed", "last passed"]);
    expect(readFileSync(join(folder, "once"), "utf8")).toBe("x\n");
    expect(await newest()).toMatchObject({ flaw: null });
    await expect(run(runbook(), { resume: true })).rejects.toMatchObject({ exit_code: 3 });
  });

  test("was cut off: its step is repeated", async () => {
    const { signal, controller } = {
      controller: new AbortController(),
      get signal() {
        return this.controller.signal;
      },
    };
    const note = (text: string) =>
      text.includes("| begun") ? controller.abort(new DOMException("", "AbortError")) : undefined;
    const long = runbookOf([["step=long risk=read", `echo begun; test -e ${join(folder, "open")} || sleep 60`]]);
    await expect(run(long, {}, { signal, note })).rejects.toMatchObject({ reason: "interrupted" });
    writeFileSync(join(folder, "open"), "");
    expect(outcomes(await run(long, { resume: true }))).toEqual(["long passed"]);
  });

  test("does not go on while its process lives, nor on an altered transcript", async () => {
    await run(runbook());
    const { path } = await newest();
    const text = readFileSync(path, "utf8");
    const lines = text.trimEnd().split("\n");
    writeFileSync(path, text.replace('"outcome":"passed"', '"outcome":"skipped"'));
    await expect(run(runbook(), { resume: true })).rejects.toMatchObject({ reason: "damaged" });
    for (const without of [0, 1, 2]) {
      writeFileSync(
        path,
        lines
          .filter((_, index) => index !== without)
          .map((line) => `${line}\n`)
          .join(""),
      );
      expect((await newest()).flaw).toMatchObject({ line: without + 1 });
    }
  });
});

describe("as they are typed", () => {
  const typed = async (...words: string[]) => {
    const { code, stdout } = await runCommand(["runbook", ...words, "--json", "--data", folder]);
    return { code, ...JSON.parse(stdout) };
  };

  test("a situation that no step is for is refused: mistyped, it would leave out all that there is to do", async () => {
    const { code, error } = await typed("run", "leaked-backup-key", "--dry-run", "--when", "writers");
    expect({ code, hint: error.hint }).toEqual({ code: 2, hint: "one of writer, reader, escrow" });
    expect((await typed("run", "escalation", "--dry-run", "--when", "mine")).code).toBe(0);
    expect((await typed("run", "complete-outage", "--dry-run", "--when", "mine")).error.hint).toContain(
      "leave --when out",
    );
  });

  test.each([
    ["writer", ["NEW_WRITER", "NEW_KEY_FILE", "LEAKED_WRITER"]],
    ["reader", ["LEAKED_READER"]],
    ["escrow", ["NEW_REPOSITORY", "NEW_KEY_FOLDER"]],
  ])("where a %s's key has leaked, what is to be done is about that one", async (situation, variables) => {
    const auto = ["--auto", "--max-risk", "destructive"];
    const { code, error } = await typed("run", "leaked-backup-key", "--when", situation, ...auto);
    expect(code).toBe(3);
    const asked = error.hint.match(/[A-Z_]+(?==)/g);
    expect(new Set(asked)).toEqual(new Set(["ESCROW_KEY_FILE", ...variables]));
  });

  test("runbooks are listed, shown by the alert that leads there, planned, and their runs checked", async () => {
    const { runbooks } = await typed("list");
    expect(runbooks.filter(({ problems }: { problems: string[] }) => problems.length > 0)).toEqual([]);
    expect(await typed("show", "vector-search")).toMatchObject({ code: 0, id: "vector-search-unavailable" });
    expect(await typed("run", "search-wrong", "--dry-run")).toMatchObject({ code: 0, outcome: "planned" });
    await run(runbookOf([["step=look risk=read", "true"]]));
    const [run_id = ""] = await runsIn(folder);
    expect(await typed("show-run", run_id)).toMatchObject({ code: 0, run: { is_whole: true, runbook: "trial" } });
    const { path } = await newest();
    writeFileSync(path, readFileSync(path, "utf8").replace('"outcome":"passed"', '"outcome":"skipped"'));
    expect(await typed("show-run", run_id)).toMatchObject({
      code: 1,
      run: { is_whole: false, flaw: "line 3 was altered" },
    });
  });
});
