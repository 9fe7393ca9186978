/**
 * Errors as part of the interface: what was being done, to what, why it failed, what to do about it.
 *
 * Expected failures of ops are `OpsError`s; `cli.ts` prints them once. Anything else is a bug and prints as one.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";
import { actorName } from "./actor.ts";
import { harmlessLines } from "./output.ts";

/** What the shell (cron, CI, a runbook step) learns from a command. */
export const EXIT = { done: 0, check_failed: 1, usage: 2, refused: 3, partial: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/**
 * Why an operation failed, where code, a runbook or a schedule decides by it. A failure that nobody decides by has no reason: people
 * read its cause. A new reason comes with what decides by it.
 */
export const REASONS = [
  /** The command's own deadline, or a single request's, passed first. */
  "timed-out",
  /** Ctrl-C, or the end of whoever started the command. */
  "interrupted",
  /** No connection to the service or to Cloudflare's API, or none that lasted until the answer. */
  "unreachable",
  /** The service does not take it in the mode that somebody has set. */
  "mode-refuses",
  /** It takes a yes, and nobody gave it. */
  "unconfirmed",
  /** Another command holds what this one needs; it may be repeated later. */
  "busy",
  /** No local platform runs on the data folder. */
  "not-running",
  /** This machine lacks a token, a secret or an address of the stack: nobody was asked. */
  "not-configured",
  /** The stack has no outputs or no Worker yet. */
  "never-deployed",
  /** The account lacks something that the stack consists of. */
  "resource-missing",
  /** Nobody has made a repository of backups in this place. */
  "no-repository",
  /** No key was named for the repository, and this machine keeps none. */
  "no-key",
  /** A key was named, and it cannot be read or is not a key. */
  "key-unreadable",
  /** The key is another repository's, or not one of this repository's (any more). */
  "foreign-key",
  /** An object of the repository is lost, changed, forged, or of a newer format. */
  "damaged",
  /** The repository is older than this machine has seen it. */
  "rolled-back",
] as const;
export type Reason = (typeof REASONS)[number];

/** What the audit record says of a command that ended so. */
export function outcomeOf(exit_code: ExitCode): "done" | "done in part" | "refused" | "failed" {
  const outcomes = { 0: "done", 1: "failed", 2: "failed", 3: "refused", 4: "done in part" } as const;
  return outcomes[exit_code];
}

export interface OpsErrorParts {
  /** The operation, as a verb phrase: `create key`. */
  op: string;
  /** What it was done to: a path, a URL, a name. */
  subject: string;
  /** Why it failed, in a sentence without a full stop. */
  cause: string;
  /** What to do now, preferably a command. */
  hint: string;
  /** What code decides by, in place of any of the words above. */
  reason?: Reason | undefined;
}

export class OpsError extends Error {
  readonly parts: OpsErrorParts;
  readonly exit_code: ExitCode;
  /** HTTP status of the refusing service, where there was one. */
  readonly status: number | undefined;
  /** It may have been done all the same: the answer is missing, or says nothing about it. */
  readonly is_unclear: boolean;
  /** How long the refusing service asks to be left alone, where it says so. */
  readonly retry_after_ms: number | undefined;

  constructor(
    parts: OpsErrorParts,
    options: {
      exit_code?: ExitCode;
      status?: number | undefined;
      is_unclear?: boolean;
      retry_after_ms?: number | undefined;
      error?: unknown;
    } = {},
  ) {
    super(`${parts.op} ${parts.subject}: ${parts.cause}`, { cause: options.error });
    this.name = "OpsError";
    this.parts = parts;
    this.exit_code = options.exit_code ?? EXIT.check_failed;
    this.status = options.status;
    this.is_unclear = options.is_unclear ?? false;
    this.retry_after_ms = options.retry_after_ms;
  }

  get reason(): Reason | undefined {
    return this.parts.reason;
  }
}

/** What was asked for is not understood, or does not go together. */
export function misuse(parts: OpsErrorParts, error?: unknown): OpsError {
  return new OpsError(parts, { exit_code: EXIT.usage, error });
}

/** What was asked for is understood, and must not be done as things are. */
export function refusal(parts: OpsErrorParts, error?: unknown): OpsError {
  return new OpsError(parts, { exit_code: EXIT.refused, error });
}

/** Whether an operation failed for one of these reasons: the one way for code to tell failures apart. */
export function isReason<R extends Reason>(
  error: unknown,
  ...reasons: readonly R[]
): error is OpsError & { reason: R } {
  return error instanceof OpsError && reasons.some((reason) => reason === error.reason);
}

/** What is told of work that was ended from outside; undefined for any other error. */
export function endedEarly(thrown: unknown): Pick<OpsErrorParts, "cause" | "hint" | "reason"> | undefined {
  // Node's own waits wrap the reason of the signal that ended them.
  const wrapped = thrown instanceof Error && thrown.name === "AbortError" && thrown.cause instanceof Error;
  const { name } = (wrapped ? thrown.cause : thrown) as Partial<Error>;
  if (name === "TimeoutError")
    return { cause: "no answer in time", hint: "raise --timeout, or look at the service's log", reason: "timed-out" };
  if (name === "AbortError")
    return { cause: "interrupted", hint: "repeat it: it goes on where it was, or begins anew", reason: "interrupted" };
  return undefined;
}

/** What is told of a file that found no room, ours or SQLite's, or may not be there; undefined for any other error. */
function refusedByDisk(thrown: unknown): Pick<OpsErrorParts, "cause" | "hint"> | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code = "", errcode, message, path } = thrown as NodeJS.ErrnoException & { errcode?: number };
  if (["ENOSPC", "EDQUOT"].includes(code) || errcode === SQLITE_FULL)
    return { cause: message, hint: `free space on the disk of ${path ?? tmpdir()}, then repeat it` };
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT"].includes(code) && path?.startsWith(join(tmpdir(), "prism-")))
    return { cause: message, hint: `TMPDIR=DIR names another folder for temporary files than ${tmpdir()}` };
  if (["EACCES", "EPERM", "EROFS", "ENOTDIR"].includes(code) && path !== undefined)
    return {
      cause: message,
      hint: `see that ${actorName()} may write to ${path}; --data DIR names another folder for what commands keep`,
    };
  return undefined;
}
const SQLITE_FULL = 13;

/** Any thrown value as an `OpsError`; an unexpected one says that it is unexpected and how to see where it arose. */
export function asOpsError(thrown: unknown): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const unexpected = {
    cause: `unexpected ${thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)}`,
    hint: "repeat it with --verbose to see where this arose; it is a defect of this command",
  };
  return new OpsError(
    { op: "run", subject: "ops", ...(endedEarly(thrown) ?? refusedByDisk(thrown) ?? unexpected) },
    { error: thrown },
  );
}

/** The two lines (three with a known inner error and `verbose`) a person reads. */
export function renderError(error: OpsError, options: { colour: boolean; verbose: boolean }): string {
  const paint = (style: "red" | "cyan", text: string): string =>
    options.colour ? styleText(style, text, { validateStream: false }) : text;
  const lines = [
    `${paint("red", "Error:")} ${harmlessLines(`${error.parts.op} ${error.parts.subject}: ${error.parts.cause}`)}`,
    `${paint("cyan", "Try:")} ${harmlessLines(error.parts.hint)}`,
  ];
  if (options.verbose) lines.push(stackOf(error));
  return `${lines.join("\n")}\n`;
}

function stackOf(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\nCaused by: ${stackOf(error.cause)}` : stack;
}
