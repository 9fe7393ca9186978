/**
 * What game days came to, where people look for it: the table in `runbooks/README.md`, one row a fault, and `last_drilled` of each runbook
 * that won; below it the quiet day. A run of some faults renews their rows and leaves the others. Pure, but for the functions that read and write files.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../../worker/ground/counted.ts";
import type { Fault } from "./fault.ts";
import type { Played } from "./played.ts";

const RUNBOOKS = join(import.meta.dirname, "../../runbooks");
const BEGIN = "<!-- game days: made by `npm run gameday -- --record` -->";
const END = "<!-- end of game days -->";
const HEAD = [
  "| Fault | Alert | Runbook | Told after | Recovered after | Requests failed | Documents lost | Day |",
  "|---|---|---|---|---|---|---|---|",
];

/** A row of the table, as far as somebody reads it again. */
export interface Row {
  fault: string;
  runbook: string;
  /** ISO date; null where nobody was told, or nothing recovered: that was no drill. */
  day: string | null;
  line: string;
}

const QUIET = /^A quiet day: .*$/m;
interface Quiet {
  hours: number;
  alerts: number;
}

/** The rows of the table in a text. @throws Error where it has none. */
export function rowsIn(text: string): Row[] {
  return parts(text)
    .table.split("\n")
    .flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const [, fault] = /^`([a-z0-9-]+)`/.exec(cells[1] ?? "") ?? [];
      const [, runbook] = /^\[([a-z0-9-]+)\]/.exec(cells[3] ?? "") ?? [];
      return fault === undefined || runbook === undefined
        ? []
        : [{ fault, runbook, day: cells.slice(4, 6).includes("never") ? null : (cells[8] ?? ""), line }];
    });
}

/** The text with the rows of these faults, and the quiet day, renewed; rows of faults that there are no more go. In the order of `faults`. */
export function withResults(
  text: string,
  faults: readonly Fault[],
  came: readonly Played[],
  day: string,
  quiet: Quiet | null = null,
): string {
  const { before, table, after } = parts(text);
  const old = rowsIn(text);
  const lines = faults.flatMap(({ id, what }) => {
    const result = came.find((one) => one.id === id);
    return result === undefined ? old.flatMap((row) => (row.fault === id ? row.line : [])) : lineOf(result, what, day);
  });
  const said =
    quiet === null
      ? QUIET.exec(table)?.[0]
      : `A quiet day: ${quiet.hours} h of usual traffic with nothing wrong, ${counted(quiet.alerts, "alert")} told (${day}).`;
  return [before, BEGIN, "", ...HEAD, ...lines, "", ...(said === undefined ? [] : [said, ""]), END, after].join("\n");
}

const seconds = (value: number | null) => (value === null ? "never" : `${value} s`);

/** A rule that looks once an hour may look sooner than it lets expect. */
function toldAfter({ detected_after_s, rule_waits_s }: Pick<Played, "detected_after_s" | "rule_waits_s">): string {
  if (detected_after_s === null || rule_waits_s === 0) return seconds(detected_after_s);
  if (detected_after_s < 0)
    return `${detected_after_s + rule_waits_s} s, within the ${rule_waits_s / 60} min of the rule`;
  return `${detected_after_s} s + ${rule_waits_s / 60} min of the rule`;
}

function lineOf({ id, alert, runbook, ...came }: Played, what: string, day: string): string {
  const cells = [
    `\`${id}\`: ${what}`,
    `\`${alert}\``,
    `[${runbook}](${runbook}.md)`,
    toldAfter(came),
    seconds(came.recovered_after_s),
    `${came.failed} of ${came.requests}`,
    `${came.lost} of ${came.promised}`,
    day,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** @throws Error where the marks are missing. */
function parts(text: string): { before: string; table: string; after: string } {
  const [before, rest] = text.split(`${BEGIN}\n`);
  const [table, after] = rest?.split(`${END}\n`) ?? [];
  if (before === undefined || table === undefined || after === undefined)
    throw new Error(`runbooks/README.md lacks the marks of the table: ${BEGIN} … ${END}`);
  return { before: `${before.trimEnd()}\n`, table, after };
}

/** Renews what the quiet day came to. */
export function recordQuiet(faults: readonly Fault[], quiet: Quiet, day: string): void {
  const readme = join(RUNBOOKS, "README.md");
  writeFileSync(readme, withResults(readFileSync(readme, "utf8"), faults, [], day, quiet));
}

/** Renews the row of a fault, and the day of its runbook where that was carried out to its end and the alert resolved. */
export function recordResult(faults: readonly Fault[], came: Played, day: string): void {
  const readme = join(RUNBOOKS, "README.md");
  writeFileSync(readme, withResults(readFileSync(readme, "utf8"), faults, [came], day));
  if (!came.runbook_done || came.resolved_after_s === null) return;
  const file = join(RUNBOOKS, `${came.runbook}.md`);
  writeFileSync(file, readFileSync(file, "utf8").replace(/^last_drilled: .*$/m, `last_drilled: ${day}`));
}
