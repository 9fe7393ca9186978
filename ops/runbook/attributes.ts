/**
 * A step's info string: what stands after ```` ```sh ````. Pure.
 *
 *     step=<name> risk=<read|change|destructive> [expect=<expectation>] [when=<condition>] [undo=<step>] [timeout=<duration>]
 *
 * | | is one of |
 * |---|---|
 * | expectation | `exit:3`; `output:<text>`, which the output holds when it ends with 0, or a regular expression: `output:/<pattern>/` |
 * | condition | `<step>:passed` or `:failed` (exit code 0 or another), `<step>:exit:3`, `<step>:output:<text>`; or the name of a situation, which a person knows |
 *
 * A value with blanks stands in double quotes: `expect="output:nothing to repair"`. Without `expect=` every exit code lets the runbook go on.
 */
import { wait } from "../command/options.ts";

/** `read` changes nothing, `change` can be taken back, `destructive` cannot. In the order of what is at stake. */
export const RISKS = ["read", "change", "destructive"] as const;
export type Risk = (typeof RISKS)[number];

export interface Expectation {
  /** Exit code. */
  code: number;
  /** Source of a regular expression that the output must match; null: whatever it says. */
  output: string | null;
}

/** Whether a step is wanted: where a person says that the situation is so, or where an earlier step came to this. */
export type Condition =
  | { situation: string }
  | { step: string; is: "passed" | "failed" | { code: number } | { output: string } };

export interface Attributes {
  /** Unique in its runbook; kebab-case. */
  name: string;
  risk: Risk;
  /** What lets the runbook go on; null when every exit code does. */
  expect: Expectation | null;
  /** Null when it always is wanted. */
  when: Condition | null;
  /** The step that takes this one back. */
  undo: string | null;
  /** Null where it has the usual time. */
  timeout_ms: number | null;
}

const KEYS = ["step", "risk", "expect", "when", "undo", "timeout"];
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const WORD = /([^\s="]+)=(?:"([^"]*)"|(\S+))(?=\s|$)|\S+/g;

/** What an info string's part after the language says, or what is wrong with it. */
export function readAttributes(meta: string): Attributes | string {
  const values = new Map<string, string>();
  for (const [word, key = "", quoted, plain] of meta.matchAll(WORD)) {
    if (!KEYS.includes(key))
      return `"${word}" is no attribute: there are ${KEYS.map((known) => `${known}=`).join(", ")}`;
    if (values.has(key)) return `${key}= is given twice`;
    values.set(key, quoted ?? plain ?? "");
  }
  const name = values.get("step") ?? "";
  if (!NAME.test(name)) return "a step has a name in kebab-case: step=read-health";
  const risk = RISKS.find((candidate) => candidate === values.get("risk"));
  if (risk === undefined) return `risk is one of ${RISKS.join(", ")}`;
  const expect = readExpectation(values.get("expect"));
  if (typeof expect === "string") return expect;
  const when = readCondition(values.get("when"));
  if (typeof when === "string") return when;
  const undo = values.get("undo") ?? null;
  if (undo !== null && !NAME.test(undo)) return "what takes a step back is a step: undo=open-again";
  const timeout = values.get("timeout");
  const timeout_ms = timeout === undefined ? null : wait.safeParse(timeout).data;
  if (timeout_ms === undefined) return "a time limit is a duration: timeout=30s, timeout=20m";
  return { name, risk, expect, when, undo, timeout_ms };
}

function readExpectation(text: string | undefined): Expectation | null | string {
  if (text === undefined) return null;
  const code = exitCode(text);
  if (code !== null) return { code, output: null };
  const output = outputPattern(text);
  return output === null
    ? "what is expected is expect=exit:0, expect=output:text or expect=output:/pattern/"
    : { code: 0, output };
}

function readCondition(text: string | undefined): Condition | null | string {
  if (text === undefined) return null;
  if (NAME.test(text)) return { situation: text };
  const [, step = "", rest = ""] = /^([^:]*):(.*)$/.exec(text) ?? [];
  const code = exitCode(rest);
  const output = outputPattern(rest);
  const is =
    rest === "passed" || rest === "failed" ? rest : code !== null ? { code } : output !== null ? { output } : null;
  if (!NAME.test(step) || is === null)
    return "a condition is a situation (when=upstream), or what an earlier step came to: when=look:failed, when=look:exit:3, when=look:output:text";
  return { step, is };
}

function exitCode(text: string): number | null {
  const [, code] = /^exit:(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  return code === undefined || Number(code) > 255 ? null : Number(code);
}

function outputPattern(text: string): string | null {
  const [, wanted] = /^output:(.+)$/.exec(text) ?? [];
  if (wanted === undefined) return null;
  const [, pattern] = /^\/(.+)\/$/.exec(wanted) ?? [];
  if (pattern === undefined) return wanted.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  try {
    return new RegExp(pattern).source;
  } catch {
    return null;
  }
}

/** A condition in words. */
export function conditionTold(when: Condition): string {
  if ("situation" in when) return `the situation is "${when.situation}"`;
  const { step, is } = when;
  if (typeof is === "string") return `${step} ${is}`;
  return "code" in is ? `${step} ends with exit code ${is.code}` : `the output of ${step} matches /${is.output}/`;
}

/** An expectation in words. */
export function expectationTold({ code, output }: Expectation): string {
  return output === null ? `exit code ${code}` : `exit code ${code}, and output that matches /${output}/`;
}
