/** `ops audit verify`: the audit log against everything outside of it. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import pMap from "p-map";
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import type { ChainedEntry } from "../../worker/audit/chain.ts";
import { ARCHIVE_PREFIX, readSegmentKey, readSegmentText, type Segment } from "../../worker/audit/segment.ts";
import { counted } from "../../worker/ground/counted.ts";
import { readSummary } from "../backup/manifest.ts";
import { repositoryOptions, withRepository } from "../backup/open.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { AUDIT_PAGE_ROWS, AUDIT_SEGMENT_READERS } from "../limits.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { objectsUnder, type Storage } from "../storage/storage.ts";
import { type Anchor, logFinding, verifyLog } from "./verify-log.ts";

export const auditVerify = defineCommand({
  path: "audit verify",
  group: "security",
  summary: "check the audit log: chain, archive, and the heads that backups have seen",
  notes:
    "Reads the database and the archive itself, so that neither the Worker nor what the database says of its archive is believed. " +
    "Backups are looked at where their repository can be opened. Exit code 1: something is not as it was written.",
  risk: "read",
  options: z.object({ repository: repositoryOptions.shape.repository, key_file: repositoryOptions.shape.key_file }),
  output: z.strictObject({
    ok: z.boolean(),
    entries: z.strictObject({ archive: z.int(), database: z.int() }),
    head: z.strictObject({ seq: z.int(), hash: z.string() }),
    backups: z.int().nullable().describe("snapshots whose heads were compared; null: no repository could be opened"),
    findings: z.array(logFinding),
  }),
  examples: ["audit verify", "audit verify --stack production --json"],
  async run(invocation, options) {
    const { signal } = invocation;
    const target = await invocation.target();
    const { account_id, buckets, s3, database } = await target.resources();
    const connection = restD1(createCloudflare(await target.api(), { signal }), account_id, liveOf(database)?.id ?? "");
    const heads = await backupHeads(invocation, options);
    const opened = s3Storage({ ...s3, bucket: buckets.audit, prefix: "" });
    try {
      const archive = segmentsIn(patientStorage(opened), signal);
      const { entries, head, findings } = await verifyLog(archive, entriesOf(connection), heads ?? []);
      const bad = findings.filter(({ explained_by }) => explained_by === null);
      const ok = bad.length === 0;
      const lines = [
        ok
          ? `The audit log is as it was written, up to entry ${head.seq}.`
          : `The audit log is NOT as it was written: the first bad entry is ${bad[0]?.seq}.`,
        `${counted(entries.database, "entry")} in the database, ${entries.archive} in the archive, ${heads === null ? "no repository of backups could be opened" : `${counted(heads.length, "head")} of backups`}.`,
        ...findings.map(
          ({ seq, reason, where, evidence, explained_by }) =>
            `  entry ${seq}: ${reason} (${where}: ${evidence})${explained_by === null ? "" : `; the restore of entry ${explained_by} went back behind it`}`,
        ),
      ];
      const data = { ok, entries, head, backups: heads?.length ?? null, findings };
      return { data, text: lines.join("\n"), ...(ok ? {} : { exit_code: EXIT.check_failed }) };
    } finally {
      opened.close();
    }
  },
});

const unzip = promisify(gunzip);

/** Segments in the order of their ends. One that cannot be read as one is told as altered, without entries. */
async function* segmentsIn(storage: Storage, signal: AbortSignal) {
  const read = async (segment: Segment) => {
    const { body } = await storage.read(segment.key, signal);
    const entries = await unzip(body).then(
      (text) => readSegmentText(text.toString()),
      () => [],
    );
    return { segment, entries };
  };
  let waiting: Segment[] = [];
  for await (const { key } of objectsUnder(storage, ARCHIVE_PREFIX, signal)) {
    const segment = readSegmentKey(key);
    if (segment !== null) waiting.push(segment);
    if (waiting.length < AUDIT_SEGMENT_READERS) continue;
    yield* await pMap(waiting, read, { concurrency: AUDIT_SEGMENT_READERS });
    waiting = [];
  }
  yield* await pMap(waiting, read, { concurrency: AUDIT_SEGMENT_READERS });
}

async function* entriesOf(connection: D1Connection): AsyncGenerator<ChainedEntry[]> {
  for (let after = 0; ; ) {
    const sql = "SELECT * FROM audit_log WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    const [page] = await connection.batch([{ sql, params: [after, AUDIT_PAGE_ROWS] }]);
    const { columns = [], rows = [] } = page ?? {};
    const entries = rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])));
    yield entries as unknown as ChainedEntry[];
    const last = entries.at(-1);
    if (last === undefined || entries.length < AUDIT_PAGE_ROWS) return;
    after = Number(last.seq);
  }
}

/** Null where there is no repository to open. */
async function backupHeads(
  invocation: Invocation,
  options: { repository?: string | undefined; key_file?: string[] | undefined },
): Promise<Anchor[] | null> {
  try {
    return await withRepository(invocation, options, null, async (repository) => {
      const heads: Anchor[] = [];
      for (const { id } of await repository.listSnapshots()) {
        const { database, state_at_ms } = readSummary(await repository.openSnapshot(id));
        if (database.audit_head !== null)
          heads.push({ ...database.audit_head, from: `snapshot ${id}`, at_ms: state_at_ms });
      }
      return heads;
    });
  } catch (error) {
    const isNamed = options.repository !== undefined || options.key_file !== undefined;
    if (isNamed || !(error instanceof OpsError)) throw error;
    invocation.note(`Backups are not looked at: ${error.message}`);
    return null;
  }
}
