/**
 * Files to Markdown, by libraries, on this machine: what `ops index update` indexes, and what stands in for Workers AI's
 * conversion on the local platform. Whoever made the file is not trusted: its parser runs in a process of its own, bounded in
 * time and memory, without network, programs and writing (`parser-process.ts`).
 */
import { dirname, join } from "node:path";
import { fileFlaw } from "../../worker/rag/ingest/file-type.ts";
import {
  CONVERT_CPU_S_MAX,
  CONVERT_DATA_BYTES_MAX,
  CONVERT_HEAP_MB_MAX,
  CONVERT_PROCESSES_MAX,
  CONVERT_TIMEOUT_MS,
} from "../limits.ts";
import { shellWith } from "../programs.ts";

/** Raise it when a file becomes other Markdown than before: `index update` then converts every file once more. */
export const CONVERTER_VERSION = 4;

const ROOT = join(import.meta.dirname, "../..");
const PROCESS = join(import.meta.dirname, "parser-process.ts");
/** Read, and no more: Node.js' permission model says nothing of the network, which the process gives up by itself. */
const CONFINED = [
  "--permission",
  `--allow-fs-read=${ROOT}/*`,
  `--allow-fs-read=${dirname(process.execPath)}/*`,
  "--disallow-code-generation-from-strings",
  `--max-old-space-size=${CONVERT_HEAP_MB_MAX}`,
  "--no-warnings",
];

/** `may_pass`: the machine was the reason, or may have been; the same file may be read another time. */
type Converted = { markdown: string; peak_mb: number } | { refused: string; may_pass?: true };

/**
 * The file's text as Markdown, pages, slides and sheets under headings of their own; or why there is none, completing "the
 * file …". `peak_mb` is the most that its process held in memory.
 */
export async function convertFile(
  { media_type, bytes }: { media_type: string; bytes: Uint8Array },
  signal?: AbortSignal,
): Promise<Converted> {
  const flaw = fileFlaw(media_type, bytes);
  if (flaw !== null) return { refused: flaw };
  const before = running.length < CONVERT_PROCESSES_MAX ? undefined : running.shift();
  const turn = Promise.resolve(before).then(() => parse(media_type, bytes, signal));
  running.push(turn.catch(() => {}));
  return turn;
}

/** The last of as many lines as processes may run at once: who comes waits for the end of one. */
const running: Promise<unknown>[] = [];

async function parse(media_type: string, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Converted> {
  signal?.throwIfAborted();
  const run = shellWith({
    timeout: CONVERT_TIMEOUT_MS,
    timeoutSignal: "SIGKILL",
    // Buffers lie outside of the heap: the system bounds them together (RLIMIT_DATA, in KiB; Linux). At the soft limit of its time
    // a process is sent SIGXCPU.
    prefix: `ulimit -d ${CONVERT_DATA_BYTES_MAX / 1024}; ulimit -S -t ${CONVERT_CPU_S_MAX}; exec `,
    env: { PATH: process.env.PATH, NO_COLOR: "1" },
    ...(signal && { signal }),
  });
  const began_ms = performance.now();
  const parser = run`${process.execPath} ${CONFINED} ${PROCESS} ${media_type}`;
  // It may end before it has read all: its exit code tells.
  parser.stdin.on("error", () => {});
  parser.stdin.end(bytes);
  const { stdout, exitCode, signal: ended } = await parser;
  signal?.throwIfAborted();
  if (exitCode === 0) return JSON.parse(stdout) as Converted;
  if (ended === "SIGXCPU")
    return { refused: `takes more than ${CONVERT_CPU_S_MAX} s of processor time to read; split it` };
  const isLate = performance.now() - began_ms >= CONVERT_TIMEOUT_MS;
  if (isLate)
    return { refused: `takes more than ${CONVERT_TIMEOUT_MS / 1000} s to read here; split it`, may_pass: true };
  // Its own limits end it otherwise: so does a system that has no memory left.
  return { refused: TOO_LARGE, ...(ended === "SIGKILL" ? { may_pass: true } : {}) };
}

const TOO_LARGE = "takes more memory to read than it may, or ended its reader; split it";
