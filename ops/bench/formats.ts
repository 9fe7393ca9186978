/** `ops bench ingest --formats`: what a file of each format takes to become Markdown. */
import { z } from "zod";
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { verdict } from "../command/output.ts";
import { convertFile } from "../convert/convert-file.ts";

/** Pages, slides, sheets or chapters of the manual. */
export const SECTIONS = 100;

const formatFigures = z.strictObject({
  format: z.string(),
  file_bytes: z.int(),
  markdown_chars: z.int(),
  ms: z.int().describe("the start of its process included"),
  peak_mb: z.int().nullable(),
  refused: z.string().nullable(),
});

export const formatsOutput = z.strictObject({
  sections: z.int(),
  passed: z.boolean(),
  formats: z.array(formatFigures),
});

export async function measureFormats({
  progress,
  signal,
  colour,
}: Pick<Invocation, "progress" | "signal" | "colour">): Promise<Outcome<z.infer<typeof formatsOutput>>> {
  // Libraries that write files of all kinds: no other command, nor any help, should load them.
  const { manualOf, SAMPLE_FORMATS, sampleFile } = await import("./sample-files.ts");
  const sections = manualOf(SECTIONS);
  const last = sections.at(-1)?.rows.at(-1) ?? [];
  const formats: z.infer<typeof formatFigures>[] = [];
  let passed = true;
  progress.start("convert files", SAMPLE_FORMATS.length);
  for (const format of SAMPLE_FORMATS) {
    const bytes = await sampleFile(format, sections);
    const began_ms = performance.now();
    const converted = await convertFile({ media_type: mediaTypeOfName(`manual${format}`) ?? "", bytes }, signal);
    const ms = Math.round(performance.now() - began_ms);
    const markdown = "refused" in converted ? "" : converted.markdown;
    passed &&= markdown.includes(`| ${last.join(" | ")} |`);
    formats.push({
      format,
      file_bytes: bytes.length,
      markdown_chars: markdown.length,
      ms,
      peak_mb: "refused" in converted ? null : converted.peak_mb,
      refused: "refused" in converted ? converted.refused : null,
    });
    progress.update(formats.length);
  }
  progress.stop();
  const rows = formats.map(({ format, file_bytes, markdown_chars, ms, peak_mb, refused }) =>
    refused === null
      ? `${format.padEnd(6)} ${file_bytes} bytes to ${markdown_chars} characters: ${ms} ms, ${peak_mb} MB`
      : `${format.padEnd(6)} refused: ${refused}`,
  );
  const text = [...rows, `last table of every file: ${verdict(passed, colour)}`].join("\n");
  return { data: { sections: SECTIONS, passed, formats }, text, exit_code: passed ? EXIT.done : EXIT.check_failed };
}
