/** What a person at the terminal is asked while a runbook runs, and what becomes of the answers. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { invocationOn } from "../command/invocation.fixture.ts";
import type { Invocation } from "../command/invocation.ts";
import { typed } from "../command/typed.fixture.ts";
import type { SoundRunbook } from "./library.ts";
import { runRunbook } from "./run.ts";
import { readTranscript, runsIn } from "./transcript.ts";
import { runbookOf } from "./trial.fixture.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prism-runbook-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = async (runbook: SoundRunbook, wishes: object, own: Partial<Invocation>) =>
  (await runRunbook(invocationOn(folder, own), runbook, { max_risk: "change", ...wishes })).data;
const outcomes = ({ steps }: Awaited<ReturnType<typeof run>>) => steps.map(({ name, outcome }) => `${name} ${outcome}`);
const newest = async () => await readTranscript(folder, (await runsIn(folder))[0] ?? "");

/** Answers in their order, and what was asked. */
const answering = (answers: string[]) => {
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question.trim());
    return answers.shift() ?? "q";
  };
  return { asked, ask };
};

test("a person at the terminal is asked the more, the more a step risks, and may skip and stop", async () => {
  const { asked, ask } = answering(["", "no", "y", "yes", "cut", "s", "q"]);
  const runbook = runbookOf([
    ["step=look risk=read", "true"],
    ["step=mend risk=change", "true"],
    ["step=cut risk=destructive", "true"],
    ["step=more risk=read", "true"],
    ["step=last risk=read", "true"],
  ]);
  const ran = await run(runbook, {}, { ask });
  expect(ran.outcome).toBe("stopped");
  expect(outcomes(ran)).toEqual(["look passed", "mend passed", "cut passed", "more skipped", "last not run"]);
  expect(asked.map((question) => question.split(" runs it")[0])).toEqual([
    "Enter",
    ...["y", "y"],
    ...Array(2).fill("This cannot be taken back. Type cut to run it; s skips it, q stops here:"),
    ...["Enter", "Enter"],
  ]);
});

test("a person at the terminal names variables and situations, repeats what failed, and takes it back", async () => {
  const file = join(folder, "flag");
  const runbook = runbookOf([
    ["step=code risk=read when=upstream", 'test "$WANTED_CODE" = 7'],
    ["step=own risk=read when=other", "true"],
    ["step=shut risk=read expect=exit:0 undo=open", `echo x >> ${file}; exit 1`],
    ["step=open risk=destructive", `rm ${file}`],
  ]);
  const { asked, ask } = answering(["7", "", "y", "", "", "r", "u", "y", "open"]);
  const byHand = { when: ["upstream"] };
  const ran = await run(runbook, byHand, { ask });
  expect(ran).toMatchObject({
    outcome: "failed",
    steps: [{ outcome: "passed", exit_code: 0 }, { outcome: "passed" }, { outcome: "failed" }],
  });
  const ends = (await newest()).records.flatMap(({ event }) => (event.kind === "step end" ? [event.step] : []));
  expect(ends).toEqual(["code", "own", "shut", "shut", "open"]);
  expect(asked.at(-1)).toContain("This cannot be taken back. Type open to run it");
  expect(existsSync(file)).toBe(false);
  await run(runbook, byHand, { ask: answering(["7", "", "y", "", "", "u", "y", "s", "q"]).ask });
  expect(existsSync(file)).toBe(true);
});

test("a person at the terminal names a variable when its step has come, after the steps that show it; one left empty skips its step, and a secret stays one", async () => {
  const runbook = runbookOf([
    ["step=show risk=read", "echo id 7"],
    ["step=end risk=change expect=exit:0", 'test "$WANTED_ID" = 7; echo "$LEAKED_KEY"'],
    ["step=more risk=change expect=exit:0", 'test -n "$ANOTHER_ID"'],
    ["step=own risk=read when=other expect=exit:0", 'test -n "$THIRD_ID"'],
  ]);
  const { asked, ask } = answering(["", "7", "a secret of eight", "y", "", "y", "3", ""]);
  const ran = await run(runbook, {}, { ask });
  expect(asked.map((question) => question.split(" ")[0])).toEqual([
    "Enter",
    ...["WANTED_ID", "LEAKED_KEY", "y"],
    "ANOTHER_ID",
    ...["own", "THIRD_ID", "Enter"],
  ]);
  expect(outcomes(ran)).toEqual(["show passed", "end passed", "more skipped", "own passed"]);
  const { path, records } = await newest();
  expect(records.map(({ event }) => event)).toContainEqual(expect.objectContaining({ output: "[redacted]\n" }));
  expect(readFileSync(path, "utf8")).not.toContain("a secret of eight");
});

test("whoever goes on sees what was done, is not asked again what is so, and keeps or corrects what was named", async () => {
  const runbook = runbookOf([
    ["step=look risk=read when=other expect=exit:0", 'test -n "$BEFORE$LEAKED_KEY"'],
    ["step=mend risk=change when=other expect=exit:0", 'echo "moved to $BEFORE"; test "$BEFORE" = 8'],
  ]);
  const first = await run(runbook, {}, { ask: answering(["y", "7", "a secret of eight", "", "y", "q"]).ask });
  expect(first.outcome).toBe("failed");
  const { asked, ask } = answering(["", "y", "r", "8", "q"]);
  const screen: string[] = [];
  const over = { ask, terminal: true, show: (text: string) => screen.push(text) };
  const second = await run(runbook, { resume: true }, over);
  expect(outcomes(second)).toEqual(["look passed", "mend passed"]);
  expect(asked.map((question) => question.split(": ")[0])).toEqual([
    "BEFORE (Enter keeps 7):",
    "y runs it, s skips it, q stops here:",
    "r repeats mend, q stops here:",
    "BEFORE (Enter keeps 7):",
  ]);
  const shown = screen.join("");
  expect(shown).toMatch(
    /begins the runbook trial[\s\S]+look passed[\s\S]+mend failed after .+expected was exit code 0/,
  );
  const { text } = await typed(`runbook show-run ${second.run_id} --data ${folder}`);
  expect(text).toMatch(/BEFORE=7\n {3}\$ echo "moved to \$BEFORE"[\s\S]+│ moved to 7\n\S+ mend failed[\s\S]+BEFORE=8/);
  expect(text).not.toContain("a secret of eight");
});

test("a person stops at the question whether a situation is so, and its step is skipped for nobody", async () => {
  const runbook = runbookOf([
    ["step=mend risk=change when=lost expect=exit:0", "true"],
    ["step=verify risk=read expect=exit:0", "true"],
  ]);
  expect(outcomes(await run(runbook, {}, { ask: answering(["q"]).ask }))).toEqual(["mend not run", "verify not run"]);
  const { ask } = answering(["y", "y", ""]);
  expect(outcomes(await run(runbook, { resume: true }, { ask }))).toEqual(["mend passed", "verify passed"]);
});

test("whoever begins anew is told of a run that came half way, and hides it from nobody by stopping there", async () => {
  const runbook = runbookOf([
    ["step=mend risk=change expect=exit:0", "true"],
    ["step=verify risk=read expect=exit:0", `test -e ${join(folder, "open")}`],
  ]);
  const { run_id } = await run(runbook, {}, { ask: answering(["y", "", "q"]).ask });
  const notes: string[] = [];
  await run(runbook, {}, { ask: answering(["q"]).ask, note: (text) => notes.push(text) });
  expect(notes.join("\n")).toMatch(
    new RegExp(`Warning: run ${run_id} of it is failed, by .+ runbook run trial --resume`),
  );
  const { text } = await typed(`runbook show-run --data ${folder}`);
  expect(text).toMatch(new RegExp(`^\\S+  stopped, by .+\n${run_id}  failed, by `));
  writeFileSync(join(folder, "open"), "");
  expect(await run(runbook, { resume: true }, { ask: answering([""]).ask })).toMatchObject({ run_id, outcome: "done" });
});

test("of a run that was killed within a step, its transcript says that the step had begun", async () => {
  await run(runbookOf([["step=mend risk=change expect=exit:0", "true"]]), {}, { ask: answering(["y"]).ask });
  const { path } = await newest();
  const [begin, stepBegin] = readFileSync(path, "utf8").split("\n");
  writeFileSync(path, `${begin}\n${stepBegin}\n{"seq":3`);
  const { text } = await typed(`runbook show-run ${(await runsIn(folder))[0]} --data ${folder}`);
  expect(text).toContain("mend begins; how it ended is not written down\n   $ true");
});
