/**
 * `env.AI.toMarkdown` on this machine, in the shapes of the official one, for the files that Workers AI takes. The work is done by
 * what converts for `ops index update`, in a process of its own.
 */
import { randomUUID } from "node:crypto";
import { convertFile } from "../../ops/convert/convert-file.ts";
import { AI_CONVERT_TIMEOUT_MS } from "../../worker/limits.ts";
import { FILE_KINDS } from "../../worker/rag/ingest/file-type.ts";
import { estimateTokens } from "../../worker/rag/text/tokens.ts";

type Converted = { id: string; name: string; mimeType: string } & (
  | { format: "markdown"; tokens: number; data: string }
  | { format: "error"; error: string }
);

/** One file. What cannot be converted is an answer with `format: "error"`, as there. Throws when it takes longer than the Worker waits. */
export async function toMarkdown(name: string, type: string, bytes: Uint8Array): Promise<Converted> {
  const head = { id: randomUUID(), name, mimeType: type };
  if (FILE_KINDS[type]?.by !== "service") return { ...head, format: "error", error: `${type} is not supported` };
  const converted = await convertFile({ media_type: type, bytes }, AbortSignal.timeout(AI_CONVERT_TIMEOUT_MS));
  if ("refused" in converted) return { ...head, format: "error", error: converted.refused };
  // As there: the file's name, and of a PDF its pages, stand above its words.
  const data = `# ${name}\n${type === "application/pdf" ? "## Contents\n" : ""}${converted.markdown}`;
  return { ...head, format: "markdown", tokens: estimateTokens(data), data };
}
