/** A line of the log for people: one line of the terminal, the same columns each time. Pure. */
import { styleText } from "node:util";
import { harmless } from "../command/output.ts";
import { fieldNumber, fieldText, type LogLine, routeOf } from "./log-line.ts";

const COLOURS = { TRACE: "gray", DEBUG: "gray", INFO: "cyan", WARN: "yellow", ERROR: "red" } as const;

/** `11-29 19:20:11.123 ERROR 500 POST /api/v1/chat 812 ms  Error: out of neurons  (request 0f…)` */
export function shownLine(line: LogLine, colour: boolean): string {
  const { at, level, message } = line;
  const duration_ms = fieldNumber(line, "duration_ms");
  const error = fieldText(line, "error.message");
  const request_id = fieldText(line, "request_id");
  const parts = [
    fieldText(line, "status_code") ?? "",
    routeOf(line) ?? "",
    duration_ms === null ? "" : `${Math.round(duration_ms)} ms`,
    error === null ? (message === "request" ? "" : message) : `${fieldText(line, "error.type") ?? message}: ${error}`,
    request_id === null ? "" : `(request ${request_id})`,
  ];
  const word = level.padEnd(5);
  const shown = colour ? styleText(COLOURS[level], word, { validateStream: false }) : word;
  const words = harmless(parts.filter((part) => part !== "").join("  "));
  return `${at.slice(5, 23).replace("T", " ")} ${shown} ${words}`;
}
