/** `ops restore document`: one document out of a snapshot, back through the service or into a file. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { readManifest } from "../backup/manifest.ts";
import { repositoryOptions, withRepository } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { documentsIn, type StoredDocument, textOf } from "../backup/stored-documents.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { writeOutput } from "../command/output-file.ts";
import { DIFFERENT_LINES_SHOWN } from "../limits.ts";
import { type DocumentDifference, differenceOf, documentDifference } from "./document-difference.ts";
import { type LivingDocument, livingDocument } from "./living-document.ts";
import { putBack } from "./put-back.ts";
import { wantedSnapshot, whichSnapshot } from "./which-snapshot.ts";

const output = z.strictObject({
  dry_run: z.boolean(),
  snapshot: z.string(),
  id: z.string(),
  tenant: z.string(),
  title: z.string(),
  /** Of its last change before the snapshot. */
  updated_at: z.iso.datetime(),
  /** `file`: written to a file, the service was not asked. */
  outcome: z.enum(["created", "overwritten", "unchanged", "file"]),
  file: z.string().nullable(),
  /** From the living document to the snapshot's; null where there is no living one, or it was not asked for. */
  difference: documentDifference.nullable(),
});

export const restoreDocument = defineCommand({
  path: "restore document",
  group: "backup",
  summary: "bring one document back from a snapshot, through the service: chunks, words and vectors follow",
  notes: `Of the snapshot, the rows of all documents are read, and the texts of this one alone. Where it differs now, that is
asked about, and is lost then: \`ops backup create\` keeps it. A document that was deleted on purpose comes back as well. --dry-run shows
the difference. The write is refused where the document changes meanwhile; safe to repeat.`,
  risk: "destructive",
  args: z.object({ id: z.string().describe("the document's id, as its tenant names it (ops backup documents)") }),
  options: z.object({
    ...repositoryOptions.shape,
    ...whichSnapshot.shape,
    tenant: z.string().default("default").describe("whose document it is"),
    to: z.string().optional().meta({
      placeholder: "file",
      description: "write its text into this new file, not encrypted; the service is left alone",
    }),
  }),
  output,
  examples: [
    "restore document runbooks/leaked-api-key.md --dry-run",
    "restore document tea --at 2d --yes",
    "restore document tea --tenant acme --snapshot 3fa9 --to ./tea.md --json",
  ],
  async run(invocation, { id, snapshot, at, tenant, to, ...options }): Promise<Outcome<z.infer<typeof output>>> {
    const found = await withRepository(invocation, options, null, async (repository) => {
      const wanted = await wantedSnapshot(repository, { snapshot, at }, invocation.now());
      return await documentOf(repository, wanted, tenant, id);
    });
    const which = { snapshot: found.snapshot, id, tenant };
    const about = {
      dry_run: invocation.dry_run,
      ...which,
      title: found.document.title,
      updated_at: new Date(found.document.updated_at_ms).toISOString(),
    };
    const said = `document ${id} of tenant ${tenant}, as snapshot ${about.snapshot} has it`;
    if (to !== undefined) {
      const place = { op: "write the document into", is_new: true, mode: 0o600 };
      if (!invocation.dry_run) await writeOutput(to, place, async () => found.text);
      const done = invocation.dry_run ? "Would write" : "Wrote";
      return {
        data: { ...about, outcome: "file", file: to, difference: null },
        text: `${done} the text of ${said}, into ${to}, not encrypted.`,
        audit: { detail: { ...which, file: to } },
      };
    }
    const living = await livingDocument(invocation, tenant, id);
    const stored = { ...found.document, text: found.text };
    const difference = living && differenceOf(living, stored, DIFFERENT_LINES_SHOWN);
    const outcome = outcomeOf(living, found.document, difference);
    const shown = difference === null ? [] : differenceText(difference, living, stored);
    if (outcome === "unchanged" || invocation.dry_run) {
      const text = outcome === "unchanged" ? `Unchanged: ${said}.` : `Would be ${outcome}: ${said}.`;
      const data = { ...about, outcome, file: null, difference };
      return { data, stream: shown, text, audit: { detail: { ...which, outcome } } };
    }
    if (outcome === "overwritten") {
      // For whoever is asked; elsewhere stderr is a log, which no document's text gets into.
      if (invocation.terminal) invocation.show(shown.map((line) => `${line}\n`).join(""));
      const differs = difference?.fields.join(", ");
      await invocation.confirm({
        op: "overwrite",
        subject: `document ${id} of tenant ${tenant}, which differs in ${differs}`,
      });
    }
    await putBack(invocation, tenant, stored, living?.etag ?? null);
    await assertBack(invocation, tenant, stored);
    return {
      data: { ...about, outcome, file: null, difference },
      text: `${outcome === "created" ? "Created" : "Overwritten"}: ${said}.`,
      audit: { detail: { ...which, outcome } },
    };
  },
});

interface FoundDocument {
  snapshot: string;
  document: StoredDocument;
  text: string;
}

async function documentOf(repository: Repository, wanted: string, tenant: string, id: string): Promise<FoundDocument> {
  const snapshot = await repository.openSnapshot(wanted);
  const lease = await repository.leaseForRestore([snapshot.info.id]);
  try {
    const manifest = await readManifest(snapshot);
    const elsewhere: string[] = [];
    for await (const document of documentsIn(snapshot, manifest)) {
      if (document.id !== id) continue;
      if (document.tenant === tenant)
        return { snapshot: snapshot.info.id, document, text: await textOf(snapshot, manifest, document) };
      elsewhere.push(document.tenant);
    }
    const [other] = elsewhere;
    throw refused(
      id,
      `snapshot ${snapshot.info.id} has no such document of tenant ${tenant}`,
      other === undefined
        ? "npm run ops -- backup documents lists them; an older snapshot may have it: --snapshot ID or --at TIME"
        : `it is one of tenant ${elsewhere.join(", ")}: --tenant ${other}`,
    );
  } finally {
    await lease.release();
  }
}

function outcomeOf(
  living: LivingDocument | null,
  { content_hash }: StoredDocument,
  difference: DocumentDifference | null,
): "created" | "overwritten" | "unchanged" {
  if (living === null) return "created";
  return living.content_hash === content_hash || difference?.fields.length === 0 ? "unchanged" : "overwritten";
}

function differenceText(
  { fields, text }: DocumentDifference,
  living: LivingDocument | null,
  stored: StoredDocument,
): string[] {
  const values = fields.flatMap((field) =>
    field === "text" ? [] : [`- ${field}: ${living?.[field]}`, `+ ${field}: ${stored[field]}`],
  );
  if (text === null) return values.map(harmless);
  const side = (sign: string, { lines, shown }: { lines: number; shown: string[] }) => [
    ...shown.map((line) => `${sign} ${line}`),
    ...(lines > shown.length ? [`${sign} … and ${counted(lines - shown.length, "more line")}`] : []),
  ];
  const lines = [...values, `Text from line ${text.from_line}:`, ...side("-", text.goes), ...side("+", text.comes)];
  return lines.map(harmless);
}

/** @throws OpsError where what is there now is not what was put back. */
async function assertBack(
  invocation: Invocation,
  tenant: string,
  stored: StoredDocument & { text: string },
): Promise<void> {
  const living = await livingDocument(invocation, tenant, stored.id);
  const fields = living === null ? ["everything"] : differenceOf(living, stored, 0).fields;
  if (living?.content_hash === stored.content_hash || fields.length === 0) return;
  throw new OpsError({
    op: "restore document",
    subject: stored.id,
    cause: `it was written, and what is there differs in ${fields.join(", ")}`,
    hint: "somebody may have written it since: repeat it with --dry-run, which shows the difference",
  });
}

function refused(subject: string, cause: string, hint: string): OpsError {
  return refusal({ op: "restore document", subject, cause, hint });
}
