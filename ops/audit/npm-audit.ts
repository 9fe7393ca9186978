/** `npm audit`, asked and judged: what the registry knows against the lockfile of a project, exceptions aside. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { jsonIn } from "../../worker/ground/json.ts";
import type { Environment } from "../command/invocation.ts";
import { NPM_ASK_MAX_MS } from "../limits.ts";
import { shellWith } from "../programs.ts";
import type { DependencyException } from "./dependency-exceptions.ts";

const via = z.object({
  name: z.string(),
  title: z.string(),
  url: z.string(),
  severity: z.string(),
  range: z.string(),
});
/** Version 2 of npm's report. A `via` that is text names another package of the report, which has the advisory. */
const report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      via: z.array(z.union([z.string(), via])),
      nodes: z.array(z.string()),
      fixAvailable: z.union([
        z.boolean(),
        z.object({ name: z.string(), version: z.string(), isSemVerMajor: z.boolean() }),
      ]),
    }),
  ),
  metadata: z.object({ dependencies: z.object({ total: z.int() }) }),
});
type Report = z.infer<typeof report>;
const refusal = z.object({ message: z.string() }).or(z.object({ error: z.object({ summary: z.string() }) }));
const lockfile = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })) });

export const advisory = z.strictObject({
  id: z.string().describe("GHSA-…"),
  package: z.string(),
  severity: z.string().describe("as npm says it: info, low, moderate, high, critical"),
  title: z.string(),
  url: z.string(),
  range: z.string().describe("the versions that it concerns"),
  places: z.array(z.string()).describe("where the package lies"),
  shipped: z.boolean().describe("among the Worker's dependencies; otherwise of a tool's"),
  fix: z.string().nullable().describe("what mends it; null: nothing does yet"),
  exception: z.strictObject({ reason: z.string(), until: z.string(), ended: z.boolean() }).nullable(),
});
type Advisory = z.infer<typeof advisory>;

/** What npm says of the lockfile in `folder`, or why it says nothing. Asks the registry that npm is configured with, and changes nothing. */
export async function askNpm(
  folder: string,
  env: Environment,
  signal: AbortSignal,
): Promise<{ asked: true; report: Report } | { asked: false; because: string }> {
  const shell = shellWith({ cwd: folder, env: { ...env }, signal, timeout: NPM_ASK_MAX_MS });
  const {
    stdout,
    stderr,
    exitCode,
    signal: killed_by,
    cause,
  } = await shell`npm audit --json --package-lock-only --fetch-retries=1`;
  signal.throwIfAborted();
  const answer = jsonIn(stdout);
  const told = report.safeParse(answer);
  if (told.success) return { asked: true, report: told.data };
  const refused = refusal.safeParse(answer).data;
  const words =
    refused === undefined
      ? (stderr.trim().split("\n").at(-1) ?? "")
      : "message" in refused
        ? refused.message
        : refused.error.summary;
  const end = exitCode ?? killed_by ?? cause?.message ?? "no code";
  return { asked: false, because: words === "" ? `npm ended with ${end} and no report` : words };
}

/** Which places of a project's lockfile belong to its dependencies, not to its tools. */
export function shippedPlaces(folder: string): ReadonlySet<string> {
  const { packages } = lockfile.parse(JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")));
  return new Set(Object.entries(packages).flatMap(([place, { dev }]) => (dev ? [] : [place])));
}

interface Judged {
  /** The worst first. */
  advisories: Advisory[];
  /** Ids of exceptions that no advisory needs. */
  unused: string[];
}

/** Pure. An exception counts before its day. */
export function judge(
  { vulnerabilities }: Report,
  shipped: ReadonlySet<string>,
  exceptions: readonly DependencyException[],
  now_ms: number,
): Judged {
  const found = new Map<string, Advisory>();
  for (const { via: reasons, nodes, fixAvailable } of Object.values(vulnerabilities)) {
    for (const reason of reasons) {
      if (typeof reason === "string") continue;
      const { name, title, url, severity, range } = reason;
      const id = /GHSA-[\w-]+/.exec(url)?.[0] ?? url;
      const known = exceptions.find((one) => one.id === id);
      found.set(`${id} ${name}`, {
        ...{ id, package: name, severity, title, url, range },
        places: nodes,
        shipped: nodes.some((place) => shipped.has(place)),
        fix: fixOf(fixAvailable),
        exception:
          known === undefined
            ? null
            : { reason: known.reason, until: known.until, ended: Date.parse(known.until) <= now_ms },
      });
    }
  }
  const advisories = [...found.values()].sort((a, b) => rank(a) - rank(b) || a.package.localeCompare(b.package));
  return {
    advisories,
    unused: exceptions.filter(({ id }) => !advisories.some((one) => one.id === id)).map(({ id }) => id),
  };
}

const ORDER = ["critical", "high", "moderate", "low", "info"];
const rank = ({ severity, shipped }: Advisory): number => 2 * ORDER.indexOf(severity) + (shipped ? 0 : 1);

function fixOf(available: Report["vulnerabilities"][string]["fixAvailable"]): string | null {
  if (typeof available === "boolean") return available ? "npm run ops -- deps update" : null;
  const { name, version, isSemVerMajor } = available;
  return `npm install --save-exact ${name}@${version}${isSemVerMajor ? " (another major version)" : ""}`;
}
