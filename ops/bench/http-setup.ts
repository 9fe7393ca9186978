/** What `ops bench http` measures: a platform full of generated chunks, and the bare peers beside it. */
import { randomUUID } from "node:crypto";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExtraWorker } from "../../local/workerd.ts";
import type { Invocation } from "../command/invocation.ts";
import { createKey } from "../keys/keys.ts";
import { sendDocuments } from "../service/batch.ts";
import type { Rig } from "../service/rig.ts";
import { type Paragraph, paragraphs, type Random, vocabulary } from "./corpus.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Each has a database of its own, which gets the same chunks as the service. */
const PEERS = ["point-query", "fts-fetch"];
/** Rows in one load request of a peer. */
const PEER_LOAD_ROWS = 500;

/** Paragraphs made of the words of this repository's own documents. */
export async function generatedParagraphs(count: number, random: Random): Promise<Paragraph[]> {
  const sources: string[] = [];
  for await (const path of glob("{*.md,docs/**/*.md,runbooks/**/*.md}", { cwd: ROOT })) {
    sources.push(await readFile(join(ROOT, path), "utf8"));
  }
  return paragraphs(vocabulary(sources, random), count, random);
}

export function peerWorkers(): Promise<ExtraWorker[]> {
  return Promise.all(PEERS.map(async (name) => ({ name, script: await bundlePeer(name), d1: { DB: randomUUID() } })));
}

/** Gives the service and its peers the same chunks. Returns a key that may search and chat, rate-limited as any. */
export async function fill(invocation: Invocation, { client }: Rig, corpus: readonly Paragraph[]): Promise<string> {
  const { signal, progress } = invocation;
  progress.start("chunks indexed", corpus.length);
  await sendDocuments(client, corpus, signal, (done) => progress.update(done));
  for (const name of PEERS) {
    for (let from = 0; from < corpus.length; from += PEER_LOAD_ROWS) {
      const part = corpus.slice(from, from + PEER_LOAD_ROWS);
      await client.post(
        `/__peer/${name}/load`,
        part.map(({ title, text }, index) => [from + index, title, text]),
      );
    }
  }
  progress.stop(`${corpus.length} chunks indexed, peers loaded`);
  const { key } = await createKey(client, {
    name: "bench",
    tenant: "default",
    scopes: ["read", "chat"],
    rate_tier: "high",
  });
  return key;
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
