/** Which lines are wanted: the options that every command over the log has, and what they say of a line. Pure. */
import { z } from "zod";
import { fieldNumber, fieldText, LEVELS, type LogLine, routeOf } from "./log-line.ts";

const level = z
  .string()
  .transform((text) => text.toUpperCase())
  .pipe(z.enum(LEVELS));
const status = z
  .string()
  .regex(/^[1-5](\d\d|xx)$/, "expected a status such as 503, or a class such as 5xx")
  .meta({ placeholder: "status" });

export const filterOptions = z.object({
  level: level.optional().describe("this level and above: trace, debug, info, warn, error"),
  status: status.optional().describe("of the answer: 503, or 5xx"),
  endpoint: z.string().optional().describe("part of method and route, such as 'POST /api/v1/chat' or chat"),
  request_id: z.string().optional().describe("as X-Request-Id gave it"),
  user: z.string().optional().describe("id of the caller's key"),
  text: z.string().optional().describe("in the message or any field, in any case"),
});
export type LogFilter = z.output<typeof filterOptions>;

/** Whether all of the filter lets a line through. */
export function matcher(filter: LogFilter): (line: LogLine) => boolean {
  const { level: lowest, status: wanted, endpoint, request_id, user, text } = filter;
  const tests: ((line: LogLine) => boolean)[] = [];
  if (lowest !== undefined) tests.push((line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(lowest));
  if (wanted !== undefined) {
    const [from, to] = statusRange(wanted);
    tests.push((line) => {
      const found = fieldNumber(line, "status_code");
      return found !== null && found >= from && found <= to;
    });
  }
  if (endpoint !== undefined) tests.push((line) => routeOf(line)?.includes(endpoint) ?? false);
  if (request_id !== undefined) tests.push((line) => fieldText(line, "request_id") === request_id);
  if (user !== undefined) tests.push((line) => fieldText(line, "user_id") === user);
  if (text !== undefined) {
    const sought = text.toLowerCase();
    tests.push((line) => line.message.toLowerCase().includes(sought) || holds(line.fields, sought));
  }
  return (line) => tests.every((test) => test(line));
}

/** The statuses that `503` or `5xx` stands for, both ends included. */
export function statusRange(wanted: string): [from: number, to: number] {
  return [Number(wanted.replace("xx", "00")), Number(wanted.replace("xx", "99"))];
}

function holds(value: unknown, sought: string): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some((inner) => holds(inner, sought));
  return String(value).toLowerCase().includes(sought);
}
