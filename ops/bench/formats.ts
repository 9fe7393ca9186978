/** `ops bench ingest --formats`: what a file of each format takes to become Markdown. */
import { z } from "zod";
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { verdict } from "../command/output.ts";
import { convertFile } from "../convert/convert-file.ts";
import { CONVERT_TIMEOUT_MS } from "../limits.ts";

/** Pages, slides, sheets or chapters of the manual. */
export const SECTIONS = 100;
/** A conversion's limits end the parser; what is left is its process's start and end. */
const REFUSAL_MS_MAX = CONVERT_TIMEOUT_MS + 10_000;

const formatFigures = z.strictObject({
  format: z.string(),
  file_bytes: z.int(),
  markdown_chars: z.int(),
  ms: z.int().describe("the start of its process included"),
  peak_mb: z.int().nullable(),
  refused: z.string().nullable(),
});

const hostileFigures = z.strictObject({
  name: z.string(),
  file_bytes: z.int(),
  ms: z.int(),
  refused: z.string().nullable(),
});

export const formatsOutput = z.strictObject({
  sections: z.int(),
  passed: z.boolean(),
  formats: z.array(formatFigures),
  hostile: z.array(hostileFigures).describe("small files that never end: each must be refused in time"),
});

type Running = Pick<Invocation, "progress" | "signal" | "colour">;

/** Converts a manual of so many sections in every format, and hostile files. */
export async function measureFormats(
  running: Running,
  section_count: number,
): Promise<Outcome<z.infer<typeof formatsOutput>>> {
  const { progress, signal, colour } = running;
  // Libraries that write files of all kinds: no other command, nor any help, should load them.
  const { manualOf, SAMPLE_FORMATS, sampleFile } = await import("./sample-files.ts");
  const sections = manualOf(section_count);
  const last = `| ${sections.at(-1)?.rows.at(-1)?.join(" | ")} |`;
  const formats: z.infer<typeof formatFigures>[] = [];
  let passed = true;
  progress.start("convert files", SAMPLE_FORMATS.length);
  for (const format of SAMPLE_FORMATS) {
    const { converted, ...figures } = await measure(`manual${format}`, await sampleFile(format, sections), signal);
    const markdown = "refused" in converted ? "" : converted.markdown;
    passed &&= markdown.includes(last);
    formats.push({
      format,
      ...figures,
      markdown_chars: markdown.length,
      peak_mb: "refused" in converted ? null : converted.peak_mb,
      refused: "refused" in converted ? converted.refused : null,
    });
    progress.update(formats.length);
  }
  progress.stop();
  const hostile = await measureHostile(running);
  const refused = hostile.every((file) => file.refused !== null && file.ms <= REFUSAL_MS_MAX);
  const text = [
    ...formats.map(({ format, file_bytes, markdown_chars, ms, peak_mb, refused }) =>
      refused === null
        ? `${format.padEnd(6)} ${file_bytes} bytes to ${markdown_chars} characters: ${ms} ms, ${peak_mb} MB`
        : `${format.padEnd(6)} ${file_bytes} bytes: ${ms} ms, refused: it ${refused}`,
    ),
    `last table of every file: ${verdict(passed, colour)}`,
    ...hostile.map(
      ({ name, file_bytes, ms, refused }) =>
        `${name}, ${file_bytes} bytes: ${ms} ms, ${refused ? `it ${refused}` : "converted"}`,
    ),
    `every hostile file refused in time: ${verdict(refused, colour)}`,
  ].join("\n");
  passed &&= refused;
  const data = { sections: section_count, passed, formats, hostile };
  return { data, text, exit_code: passed ? EXIT.done : EXIT.check_failed };
}

async function measureHostile({ progress, signal }: Running): Promise<z.infer<typeof hostileFigures>[]> {
  const { HOSTILE_FILES } = await import("./hostile-files.ts");
  const files: z.infer<typeof hostileFigures>[] = [];
  progress.start("convert hostile files", HOSTILE_FILES.length);
  for (const { name, file, make } of HOSTILE_FILES) {
    const { converted, ...figures } = await measure(file, await make(), signal);
    files.push({ name, ...figures, refused: "refused" in converted ? converted.refused : null });
    progress.update(files.length);
  }
  progress.stop();
  return files;
}

async function measure(name: string, bytes: Uint8Array, signal: AbortSignal) {
  const began_ms = performance.now();
  const converted = await convertFile({ media_type: mediaTypeOfName(name) ?? "", bytes }, signal);
  return { converted, file_bytes: bytes.length, ms: Math.round(performance.now() - began_ms) };
}
