/** `ops index check`: rows, full text, vector packs and the vector index compared, entry by entry; with `--repair`, mended. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { VECTORIZE_SETTLING_MS } from "../../worker/limits.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { queryNumber } from "../d1/query.ts";
import { liveIndex } from "../generation/stores.ts";
import { INDEX_REPAIR_GOES_MAX, VECTORS_VISIBLE_MAX_MS } from "../limits.ts";
import { type Situation, withSituation } from "../restore/situation.ts";
import { Findings, KIND_NAMES, KINDS } from "./check/kinds.ts";
import { repair } from "./check/repair.ts";
import { checkDocuments, checkFullText } from "./check/rows.ts";
import { type Compared, checkChunks } from "./check/vectors.ts";

const disparities = z.array(
  z.strictObject({
    kind: z.enum(KIND_NAMES),
    count: z.int(),
    sample: z.array(z.string()).describe("ids of documents, chunks or vectors; in all tables of the database"),
  }),
);

const output = z.strictObject({
  documents: z.int(),
  chunks: z.int(),
  vectors: z.int().describe("chunks whose vector in the index was compared with the one in its pack"),
  found: disparities,
  left: disparities.describe("after a repair; as found without one"),
});
type Report = z.infer<typeof output>;

export const indexCheck = defineCommand({
  path: "index check",
  group: "index",
  summary: "compare documents, chunks, full text, vector packs and vectors, one by one; --repair mends what differs",
  notes: `Without --repair, and in a dry run, it only looks (its risk is that of --repair): exit code 1 when something differs. What callers write
meanwhile is no disparity. Vectors come back from Vectorize 20 a request: 80 a second, told beforehand.
--repair writes rows and entries anew from what is still there, has the Worker embed what has no sound vector (that costs neurons), removes what
nothing names, and checks again. A text that is lost or damaged comes from its source alone: such a document is marked, so that the next index
update, PUT or restore document writes it whole. Exit code 4 while something is left. Safe to repeat.`,
  risk: "change",
  options: z.object({ repair: z.boolean().optional().describe("mend what differs") }),
  output,
  examples: ["index check --json", "index check --repair", "index check --repair --dry-run"],
  run: (invocation, { repair: wanted = false }) =>
    withSituation(invocation, async (situation) => {
      const compared = comparedOf(situation);
      const first = await look(compared, await lastWriteSettled(compared));
      const isRepair = wanted && !invocation.dry_run;
      const left = isRepair ? await mended(compared, first.findings) : first.findings;
      const { findings, ...counts } = first;
      return told(isRepair, { ...counts, found: findings.list(), left: left.list() });
    }),
});

function comparedOf({ session, live, resources, vector_space }: Situation): Compared {
  if (live === null)
    throw new OpsError({
      op: "check",
      subject: "the index",
      cause: "the live database is gone, or holds nothing of the Worker's",
      hint: "npm run ops -- restore plan",
    });
  const store = liveIndex(resources);
  return { session, database: live.connection, store, asked: { vector_space, dimensions: store.dimensions } };
}

/** When Vectorize must show everything that was written before now. */
async function lastWriteSettled({ database }: Compared): Promise<number> {
  const changed_at_ms = await queryNumber(database, "SELECT coalesce(max(changed_at_ms), 0) FROM tenants");
  return changed_at_ms + VECTORIZE_SETTLING_MS;
}

async function look(compared: Compared, settled_by_ms: number) {
  const findings = new Findings();
  const documents = await checkDocuments(compared.database, findings);
  await checkFullText(compared.database, findings);
  return { documents, ...(await checkChunks(compared, findings, settled_by_ms)), findings };
}

/** Goes on while less is left each time. Returns what is left. */
async function mended(compared: Compared, found: Findings): Promise<Findings> {
  let left = found;
  for (let go = 0; go < INDEX_REPAIR_GOES_MAX && left.total > 0; go += 1) {
    await repair(compared, left);
    ({ findings: left } = await look(compared, compared.session.now() + VECTORS_VISIBLE_MAX_MS));
    if (left.mendable === 0) break;
  }
  return left;
}

function told(isRepair: boolean, report: Report): Outcome<Report> {
  const { documents, chunks, vectors, found, left } = report;
  const sum = (list: Report["found"]) => list.reduce((total, { count }) => total + count, 0);
  const lines = (list: Report["found"]) =>
    list.map(({ kind, count, sample }) => `${count} ${KINDS[kind].is} (${kind}): ${sample.join(", ")}`);
  const compared = `${counted(documents, "document")}, ${counted(chunks, "chunk")}, ${counted(vectors, "vector")} compared.`;
  const failed = left.length > 0 ? (isRepair ? EXIT.partial : EXIT.check_failed) : EXIT.done;
  const text = [
    compared,
    ...(found.length === 0 ? ["Nothing differs."] : lines(found)),
    ...(found.length > 0 && !isRepair ? ["Mend it: npm run ops -- index check --repair"] : []),
    ...(isRepair && found.length > 0 ? [`Done: ${sum(found) - sum(left)} ok, ${sum(left)} left.`, ...lines(left)] : []),
    ...(left.some(({ kind }) => KINDS[kind].remedy === "source") && isRepair
      ? [
          "Write these documents again from their source: npm run ops -- index update, PUT, or npm run ops -- restore document",
        ]
      : []),
  ].join("\n");
  const counts = (list: Report["found"]) => Object.fromEntries(list.map(({ kind, count }) => [kind, count]));
  return {
    data: report,
    text,
    exit_code: failed,
    audit: { detail: { documents, chunks, vectors, repair: isRepair, found: counts(found), left: counts(left) } },
  };
}
