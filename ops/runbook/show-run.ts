/** `ops runbook show-run` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { beginOf, type Event, readTranscript, runsIn, type Transcript, type TranscriptRecord } from "./transcript.ts";

const line = z.strictObject({ at: z.string(), text: z.string() });
const output = z.strictObject({
  runs: z.array(z.string()).describe("newest first"),
  run: z
    .strictObject({
      run_id: z.string(),
      runbook: z.string().nullable(),
      path: z.string(),
      is_whole: z.boolean().describe("every record is as it was written, in its place"),
      flaw: z.string().nullable(),
      head: z.string().nullable().describe("hash of the last record, which the audit log has from `runbook run`"),
      timeline: z.array(line),
    })
    .nullable()
    .describe("null where none was named"),
});

export const runbookShowRun = defineCommand({
  path: "runbook show-run",
  group: "incident",
  summary: "show the transcript of a run and check that no line of it was altered; without an id, list the runs",
  notes: "Exit code 1: a line was altered, taken out or put in.",
  risk: "read",
  args: z.object({ run_id: z.string().optional().describe("of a run, as runbook run names it") }),
  output,
  examples: ["runbook show-run"],
  async run({ data_dir }, { run_id }): Promise<Outcome<z.infer<typeof output>>> {
    const runs = await runsIn(data_dir);
    if (run_id === undefined) {
      const listed = runs.map(async (run_id) => `${run_id}  ${stateOf(await readTranscript(data_dir, run_id))}`);
      const none = "No run of a runbook on this machine.";
      return { data: { runs, run: null }, text: (await Promise.all(listed)).join("\n") || none };
    }
    const transcript = await readTranscript(data_dir, run_id);
    const { path, records, flaw } = transcript;
    const timeline = timelineOf(transcript);
    const damage = flaw && `line ${flaw.line} ${flaw.reason}`;
    const run = {
      ...{ run_id, path, timeline, flaw: damage, is_whole: flaw === null },
      runbook: beginOf(records)?.runbook ?? null,
      head: records.at(-1)?.hash ?? null,
    };
    const verdict =
      damage === null
        ? `The chain is whole: ${counted(records.length, "record")}, head ${run.head}.`
        : `FAIL ${path}: ${damage}.`;
    const text = [...records.flatMap(shown).map(harmless), verdict].join("\n");
    return flaw === null ? { data: { runs, run }, text } : { data: { runs, run }, text, exit_code: EXIT.check_failed };
  },
});

/** What happened when, in a line each. */
export function timelineOf({ records }: Pick<Transcript, "records">): z.infer<typeof line>[] {
  return records
    .map(({ at, event }, index) => ({ at, text: told(event, records[index + 1]) }))
    .filter(({ text }) => text !== "");
}

/** How a run stands, and who has worked on it. */
export function stateOf({ records }: Pick<Transcript, "records">): string {
  const actors = new Set(records.flatMap(({ event }) => ("actor" in event ? [event.actor] : [])));
  const last = records.at(-1)?.event;
  return `${last?.kind === "end" ? last.outcome : "not ended"}, by ${[...actors].join(" and ") || "nobody knows whom"}`;
}

/** The same with what was run, and what it said. */
function shown({ at, event }: TranscriptRecord, index: number, records: readonly TranscriptRecord[]): string[] {
  const text = told(event, records[index + 1]);
  const lines = text === "" ? [] : [`${at} ${text}`];
  if (event.kind === "step begin") {
    const named = Object.entries(event.named ?? {}).map(([name, value]) => `   ${name}=${value}`);
    return [...lines, ...named, ...event.commands.split("\n").map((command) => `   $ ${command}`)];
  }
  if (event.kind !== "step end" || event.output === "") return lines;
  return [
    ...event.output
      .trimEnd()
      .split("\n")
      .map((said) => `   │ ${said.replaceAll("\t", "  ")}`),
    ...lines,
  ];
}

function told(event: Event, next: TranscriptRecord | undefined): string {
  if (event.kind === "begin") return `${event.actor} begins the runbook ${event.runbook} on stack ${event.stack}`;
  if (event.kind === "resume") return `${event.actor} goes on with the runbook`;
  if (event.kind === "end") return `the runbook is ${event.outcome}`;
  // Its end says as much, where there is one.
  if (event.kind === "step begin")
    return next?.event.kind === "step end" ? "" : `${event.step} begins; how it ended is not written down`;
  const { exit_code: code } = event;
  const ending = code === null ? "" : `, exit code ${code}`;
  const why = event.why === null ? "" : `: ${event.why}`;
  return `${event.step} ${event.outcome} after ${shownTime(event.duration_ms)}${ending}${why}`;
}
