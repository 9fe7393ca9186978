/**
 * A command is data: what it is called, what it may do, what it takes and gives, and how it is used. Help, completion, the JSON Schema of
 * `--json`, `--dry-run`, `--yes`, the audit record and the README's table derive from this one declaration; see `perform.ts` and `registry.ts`.
 */
import { z } from "zod";
import { misuse, type OpsError } from "./errors.ts";
import { flagName, flagsOf } from "./flags.ts";
import type { Invocation, Outcome } from "./invocation.ts";

/** The parts of the help, in its order, with their titles. */
export const GROUPS = {
  health: "Health",
  logs: "Logs",
  usage: "Usage and reports",
  alerts: "Alerts and on call",
  incident: "Incidents and runbooks",
  index: "Index",
  data: "Data",
  backup: "Backup and restore",
  security: "Security",
  queue: "Queue",
  delivery: "Delivery",
  schedule: "Schedule",
  measure: "Evaluation and benches",
  shell: "Shell",
} as const;
type Group = keyof typeof GROUPS;

/**
 * `read` changes nothing that serves. `change` can be taken back or repeated. `destructive` takes something away: it asks first. The last two
 * have `--dry-run`, and leave an audit record.
 */
const RISKS = ["read", "change", "destructive"] as const;
type Risk = (typeof RISKS)[number];

interface Declaration<Args extends z.ZodObject, Options extends z.ZodObject, Output extends z.ZodType> {
  /** The words after `ops`, e.g. `backup create`. */
  path: string;
  group: Group;
  /** One line of the help, in the imperative, without a full stop. */
  summary: string;
  /** What else a reader of `--help` must know: what it guarantees, its exit codes beyond the usual ones, what is safe to repeat. */
  notes?: string;
  risk: Risk;
  /** A `change` that asks in some cases has `--yes`, too. */
  asks?: boolean;
  /** Positional arguments, in this order; the last one may be an array. */
  args?: Args;
  /** `key_file` becomes `--key-file`. `.meta({ placeholder })` names the value in the help. */
  options?: Options;
  /** What `--json` prints, dry runs included. */
  output: Output;
  /** As typed after `npm run ops -- `. */
  examples: readonly [string, ...string[]];
  run(invocation: Invocation, input: Input<Args> & Input<Options>): Promise<Outcome<NoInfer<z.input<Output>>>>;
}

/** An object without keys would forbid the keys of the other. */
type Input<Schema extends z.ZodObject> = keyof Schema["shape"] extends never ? unknown : z.output<Schema>;

export interface Command {
  readonly path: string;
  readonly group: Group;
  readonly summary: string;
  readonly notes: string | undefined;
  readonly risk: Risk;
  readonly asks: boolean;
  readonly args: z.ZodObject;
  readonly options: z.ZodObject;
  readonly output: z.ZodType;
  readonly examples: readonly string[];
  /** @throws OpsError of usage when `given` does not fit `args` and `options`; what the command throws. */
  run(invocation: Invocation, given: Readonly<Record<string, unknown>>): Promise<Outcome<unknown>>;
}

type None = z.ZodObject<Record<never, never>>;

/** The one way to make a command. */
export function defineCommand<
  Output extends z.ZodType,
  Args extends z.ZodObject = None,
  Options extends z.ZodObject = None,
>(declaration: Declaration<Args, Options, Output>): Command {
  const { path, group, summary, notes, risk, asks, output, examples } = declaration;
  const args: z.ZodObject = declaration.args ?? z.object({});
  const options: z.ZodObject = declaration.options ?? z.object({});
  const input = z.strictObject({ ...args.shape, ...options.shape });
  return {
    path,
    group,
    summary,
    notes,
    risk,
    asks: asks ?? risk === "destructive",
    args,
    options,
    output,
    examples,
    run(invocation, given) {
      const parsed = input.safeParse(given, { reportInput: true });
      if (!parsed.success) throw misused(path, args, parsed.error.issues);
      return declaration.run(invocation, parsed.data as Input<Args> & Input<Options>);
    },
  };
}

/** The flags of a command, those included that come with its risk. */
export function ownFlags({ options, risk, asks }: Command): string[] {
  const own = flagsOf(options).map(({ key }) => flagName(key));
  return [...own, ...(risk === "read" ? [] : ["--dry-run"]), ...(asks ? ["--yes"] : [])];
}

function misused(path: string, args: z.ZodObject, issues: readonly z.core.$ZodIssue[]): OpsError {
  const causes = issues.map((issue) => {
    const [key = ""] = issue.path.map(String);
    const name = key === "" ? "" : `${key in args.shape ? `<${key}>` : flagName(key)}: `;
    const refused = typeof issue.input === "string" ? `${JSON.stringify(issue.input)}: ` : "";
    return `${name}${refused}${inWords(issue)}`;
  });
  const meant = Object.entries(args.shape).flatMap(([key, { description }]) =>
    description !== undefined && issues.some((issue) => issue.path[0] === key) ? [`<${key}>: ${description}; `] : [],
  );
  return misuse({
    op: "understand",
    subject: `ops ${path}`,
    cause: causes.join("; "),
    hint: `${meant.join("")}npm run ops -- ${path} --help`,
  });
}

/** What zod says of itself speaks to who wrote the schema. */
function inWords(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small" && issue.origin === "string" && issue.minimum === 1) return "must not be empty";
  return issue.message.replace(/^(?:Invalid (?:input|option)|Too (?:small|big)): /, "");
}
