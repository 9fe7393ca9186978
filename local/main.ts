/** `npm start`: the platform with the project's own documents indexed. Ctrl-C stops it and leaves nothing running. */
import { statSync } from "node:fs";
import { parseArgs, styleText } from "node:util";
import { $ } from "zx/core";
import { harmlessLines } from "../ops/command/output.ts";
import { shellWord } from "../ops/command/shell-word.ts";
import { isAlive } from "../ops/machine.ts";
import { PARENT_LOOK_MS, STOP_MAX_MS } from "./limits.ts";
import type { Platform } from "./platform.ts";

/** Where commands look, too. */
const DATA_DIR = ".prism";
const HELP = `Usage: npm start -- [options]

  --port N        port of the service (default 8787; 0 picks a free one)
  --api-port N    port of Cloudflare's REST API and R2's S3 API (default 8788; 0 picks a free one)
  --data DIR      where state persists (default ${DATA_DIR})
  --ephemeral     keep nothing: a temporary folder, removed at the end
  --corpus DIR    index this folder's Markdown and text files instead of the project's documents
  --no-demo       index nothing (but --corpus)
  --faults        load the fault and clock shim (for runbooks and game days)
  --json          print one ready line as JSON
  --help          this text
`;

function parse() {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      port: { type: "string", default: "8787" },
      "api-port": { type: "string", default: "8788" },
      data: { type: "string", default: DATA_DIR },
      ephemeral: { type: "boolean", default: false },
      corpus: { type: "string" },
      demo: { type: "boolean", default: true },
      faults: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  for (const name of ["port", "api-port"] as const) {
    if (!/^\d{1,5}$/.test(values[name]) || Number(values[name]) > 65_535)
      throw new Error(`--${name} takes a port from 0 to 65535, not "${values[name]}"`);
  }
  if (values.data === "") throw new Error("--data takes a folder");
  if (values.corpus !== undefined && !statSync(values.corpus, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--corpus takes a folder that exists, not "${values.corpus}"`);
  return values;
}

type Flags = ReturnType<typeof parse>;

/**
 * Resolves when the process is told to stop. A Ctrl-C arrives twice, from the terminal and from npm: handlers stay. npm passes on only some
 * of the signals that end it: when it is gone, nobody is there for whom this would run.
 */
function toldToStop(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  const { npm_lifecycle_event, PRISM_STARTED_BY = process.ppid } = process.env;
  if (npm_lifecycle_event === undefined) return promise;
  const above = npmAbove();
  const look = () => (process.ppid === Number(PRISM_STARTED_BY) && above.every(isAlive)) || resolve();
  setInterval(look, PARENT_LOOK_MS).unref();
  return promise;
}

/**
 * npm and whatever of npm started it (`npx npm start`), by the names that they give themselves: one of them that is killed tells the
 * others nothing. None where there is no `ps`.
 */
function npmAbove(): number[] {
  const { stdout } = $.sync({ nothrow: true })`ps -A -o pid=,ppid=,args=`;
  const rows = Array.from(stdout.matchAll(/^ *(\d+) +(\d+) (.*)$/gm), ([, pid, ppid, args = ""]) => ({
    ...{ pid: Number(pid), ppid: Number(ppid), args },
  }));
  const processes = new Map(rows.map((row) => [row.pid, row]));
  const found: number[] = [];
  for (let one = processes.get(process.ppid); one !== undefined; one = processes.get(one.ppid)) {
    if (/^npm( |$)/.test(one.args)) found.push(one.pid);
    else if (!/^\S*sh -c /.test(one.args)) break;
  }
  return found;
}

/** Runs the platform until the process is told to stop, also while it starts or indexes. */
async function run(flags: Flags): Promise<void> {
  const stopped = toldToStop();
  const started_ms = performance.now();
  // Loaded on use: the engines take a second, which nobody waits for who asked for help or mistyped a flag.
  const { startPlatform } = await import("./platform.ts");
  const platform = await startPlatform({
    ...(flags.ephemeral ? {} : { data_dir: flags.data }),
    port: Number(flags.port),
    api_port: Number(flags["api-port"]),
    faults: flags.faults,
    crons: true,
    on_log: (line) => console.error(harmlessLines(line)),
  });
  try {
    await Promise.race([stopped, present(platform, flags, started_ms)]);
    await stopped;
  } finally {
    setTimeout(() => process.exit(1), STOP_MAX_MS).unref();
    await platform.close();
  }
}

async function present(platform: Platform, flags: Flags, started_ms: number): Promise<void> {
  // A corpus the caller names is not the demo.
  const isIndexed = flags.demo || flags.corpus !== undefined;
  const indexed = isIndexed ? await (await import("./demo.ts")).indexDemo(platform, flags.corpus) : null;
  if (flags.json) {
    const { url, api_url, s3_url, account_id, api_token, admin_key } = platform;
    console.log(JSON.stringify({ ready: true, url, api_url, s3_url, key: admin_key, account_id, api_token }));
    return;
  }
  const bold = (text: string) => styleText("bold", text);
  const seconds = ((performance.now() - started_ms) / 1000).toFixed(1);
  console.log(`
${bold("PRISM is ready")} after ${seconds} s${indexed === null ? "" : `, ${indexed} documents indexed`}

  service   ${platform.url}        docs: ${platform.url}/docs
  REST API  ${platform.api_url}
  S3 API    ${platform.s3_url}
  key       ${platform.admin_key}

Try:
  curl -s ${platform.url}/api/v1/chat -H 'Authorization: Bearer ${platform.admin_key}' \\
    -H 'Content-Type: application/json' -d '{"message":"Why not only remove a leaked API key from the repository or the log?"}'
${flags.ephemeral ? "" : `  npm run ops -- synthetic${flags.data === DATA_DIR ? "" : ` --data ${shellWord(flags.data)}`}\n`}
Ctrl-C stops it.${flags.ephemeral ? " Nothing is kept." : ` State stays in ${flags.data}.`}`);
}

async function main(): Promise<void> {
  let flags: Flags;
  try {
    flags = parse();
  } catch (error) {
    console.error(`Error: ${(error as Error).message}\nTry: npm start -- --help`);
    process.exitCode = 2;
    return;
  }
  if (flags.help) process.stdout.write(HELP);
  else await run(flags);
  process.exit();
}

async function wayOut(error: unknown): Promise<string> {
  const { UpstreamError } = await import("./ai/openai-upstream.ts");
  if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return "npm start -- --port 0 --api-port 0";
  if (error instanceof UpstreamError)
    return "put the variable right, or unset PRISM_AI_BASE_URL to use what is built in";
  return "npm start -- --ephemeral --port 0 --api-port 0";
}

main().catch(async (error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  // It may hold what a server has answered.
  console.error(`Error: ${harmlessLines(message)}\nTry: ${await wayOut(error)}`);
  process.exit(1);
});
