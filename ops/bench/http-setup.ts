/** What `ops bench http` measures: a platform full of generated chunks, and the bare peers beside it. */
import { randomUUID } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExtraWorker } from "../../local/workerd.ts";
import { tenantTerm } from "../../worker/ground/tenant-term.ts";
import type { Invocation } from "../command/invocation.ts";
import { createKey } from "../keys/keys.ts";
import { sendDocuments } from "../service/batch.ts";
import type { Rig } from "../service/rig.ts";
import { type Paragraph, paragraphs, type Random, vocabulary } from "./corpus.ts";

const ROOT = join(import.meta.dirname, "../..");
const PEERS = ["point-query", "fts-fetch"];
/** Rows in one statement of a load: JSON of some 900 kB. */
const LOAD_ROWS = 1_000;
/** Paragraphs that are ingested as callers do it, for the rate; the others are written past the Worker. */
const INGESTED = 1_000;
/** Queries are about these: as many as there are in the smallest corpus that is measured. */
const ASKED_ABOUT = 10_000;
const TENANT = "default";

/** Paragraphs made of the words of this repository's own documents, as rich in words as so many are. */
export async function generatedParagraphs(count: number, random: Random): Promise<Paragraph[]> {
  return (await endlessParagraphs(count, random)).take(count).toArray();
}

async function endlessParagraphs(count: number, random: Random): Promise<Generator<Paragraph, never>> {
  const sources: string[] = [];
  for await (const path of glob("{*.md,docs/**/*.md,runbooks/**/*.md}", { cwd: ROOT })) {
    sources.push(await readFile(join(ROOT, path), "utf8"));
  }
  return paragraphs(vocabulary(sources, count, random), random);
}

/** They have one database between them, which gets the same chunks as the service. */
export function peerWorkers(): Promise<ExtraWorker[]> {
  const d1 = { DB: randomUUID() };
  return Promise.all(PEERS.map(async (name) => ({ name, script: await bundlePeer(name), d1 })));
}

interface Filling {
  count: number;
  random: Random;
  /** Another tenant owns a place in the database, though it has no chunk. */
  neighbour: boolean;
}

export interface Filled {
  /** May search and chat, rate-limited as any. */
  key: string;
  /** What queries may be about. */
  sample: Paragraph[];
  ingested_per_s: number;
}

/**
 * Gives the service and its peers the same `count` chunks. All but the last are written into the service's database as the Worker
 * would have written them, but for their vectors; the last ones go through its API, at the rate that a database of that size has.
 */
export async function fill(invocation: Invocation, rig: Rig, { count, random, neighbour }: Filling): Promise<Filled> {
  const { signal, progress } = invocation;
  const { client } = rig;
  const source = await endlessParagraphs(count, random);
  const sample: Paragraph[] = [];
  const take = (most: number): Paragraph[] => {
    const part: Paragraph[] = [];
    for (let left = most; left > 0; left -= 1) part.push(source.next().value);
    sample.push(...part.slice(0, ASKED_ABOUT - sample.length));
    return part;
  };
  const loadPeers = (part: readonly Paragraph[], first: number) =>
    client.post(
      `/__peer/${PEERS[0]}/load`,
      part.map(({ title, text }, index) => [first + index, title, text]),
    );
  const database_id = rig.platform.runtime.registry.list("d1")[0]?.uuid ?? "";
  const ingested = Math.min(INGESTED, count);
  if (neighbour) await rig.platform.runtime.queryD1(database_id, [tenantStatement("neighbour")]);
  progress.start("chunks written", count);
  for (let from = 0; from < count - ingested; from += LOAD_ROWS) {
    signal.throwIfAborted();
    const part = take(Math.min(LOAD_ROWS, count - ingested - from));
    await rig.platform.runtime.queryD1(database_id, chunkStatements(part, from + 1));
    await loadPeers(part, from);
    progress.update(from + part.length);
  }
  const last = take(ingested);
  const started_ms = performance.now();
  await sendDocuments(client, last, signal, (done) => progress.update(count - ingested + done));
  const ingested_per_s = Math.round((ingested / (performance.now() - started_ms)) * 1000);
  await loadPeers(last, count - ingested);
  progress.stop(`${count} chunks written, the last ${ingested} at ${ingested_per_s} a second`);
  const { key } = await createKey(client, {
    name: "bench",
    tenant: TENANT,
    scopes: ["read", "chat"],
    rate_tier: "high",
  });
  return { key, sample, ingested_per_s };
}

function tenantStatement(tenant: string): { sql: string; params: string[] } {
  return {
    sql: `INSERT INTO tenants (tenant, index_version, changed_at_ms) VALUES (?1, 1, 0) ON CONFLICT (tenant) DO NOTHING`,
    params: [tenant],
  };
}

/** One transaction that writes a document of one chunk for each paragraph. */
function chunkStatements(part: readonly Paragraph[], first: number): { sql: string; params: (string | number)[] }[] {
  const rows = JSON.stringify(part.map(({ id, title, text }, index) => [first + index, id, title, text]));
  const next = first + part.length;
  return [
    tenantStatement(TENANT),
    {
      sql: `INSERT INTO documents (id, tenant, external_id, title, format, content_hash, chunk_ids, token_count, version, created_at_ms, updated_at_ms)
        SELECT value ->> 0, ?2, value ->> 1, value ->> 2, 'text', value ->> 1, json_array(value ->> 0), 200, 1, 0, 0 FROM json_each(?1)`,
      params: [rows, TENANT],
    },
    {
      sql: `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count, words)
        SELECT value ->> 0, value ->> 0, ?2, value ->> 2, '', value ->> 3, value ->> 1, 200, '' FROM json_each(?1)`,
      params: [rows, tenantTerm(TENANT)],
    },
    { sql: "UPDATE sequences SET next = max(next, ?1) WHERE name IN ('documents', 'chunks')", params: [next] },
  ];
}

async function bundlePeer(name: string): Promise<string> {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, `local/bench-peers/${name}.ts`)],
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}
