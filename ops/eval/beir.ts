/**
 * Reads a data set in BEIR's layout: `corpus.jsonl` {_id, title?, text}, `queries.jsonl` {_id, text} and
 * `qrels/test.tsv` or `qrels.tsv` (query-id, corpus-id, score under a header line).
 */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { misuse, type OpsError } from "../command/errors.ts";
import { readJsonLines } from "./json-lines.ts";

const CorpusLine = z.object({ _id: z.string().min(1), title: z.string().default(""), text: z.string() });
const QueryLine = z.object({ _id: z.string().min(1), text: z.string() });
const LAYOUT = "a folder in BEIR's layout: corpus.jsonl, queries.jsonl and qrels.tsv or qrels/test.tsv";

export interface BeirDocument {
  id: string;
  title: string;
  text: string;
}
export interface BeirQuery {
  id: string;
  text: string;
}
export interface BeirSet {
  /** The folder's name. */
  name: string;
  documents: BeirDocument[];
  /** Only queries with at least one judgement, as BEIR counts them. */
  queries: BeirQuery[];
  /** Query id → document id → score. */
  judgements: Map<string, Map<string, number>>;
}

/** @throws OpsError naming the file and line that cannot be read. */
export async function readBeir(dir: string): Promise<BeirSet> {
  const corpus = await readJsonLines(CorpusLine, join(dir, "corpus.jsonl"), LAYOUT);
  const queries = await readJsonLines(QueryLine, join(dir, "queries.jsonl"), LAYOUT);
  const qrels = await readFile(join(dir, "qrels", "test.tsv"), "utf8").catch(() => readText(join(dir, "qrels.tsv")));
  const judgements = parseQrels(qrels, dir);
  return {
    name: basename(resolve(dir)),
    documents: corpus.map(({ _id, title, text }) => ({ id: _id, title, text })),
    queries: queries.filter(({ _id }) => judgements.has(_id)).map(({ _id, text }) => ({ id: _id, text })),
    judgements,
  };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, (error as Error).message, error);
  }
}

function parseQrels(text: string, dir: string): Map<string, Map<string, number>> {
  const judgements = new Map<string, Map<string, number>>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "" || (index === 0 && /^query-?id/i.test(line))) continue;
    const [query, document, score] = line.split("\t");
    if (query === undefined || document === undefined || !Number.isFinite(Number(score ?? "x"))) {
      throw unreadable(dir, `qrels line ${index + 1} is not "query-id <tab> corpus-id <tab> score"`, undefined);
    }
    const ofQuery = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, ofQuery.set(document, Number(score)));
  }
  return judgements;
}

function unreadable(path: string, cause: string, error: unknown): OpsError {
  return misuse({ op: "read data set", subject: path, cause, hint: `give ${LAYOUT}` }, error);
}

/**
 * True when the query *is* the document, as in argument retrieval, where every query is taken from the corpus. BEIR
 * drops equal ids blindly; the text is compared too, because many sets merely number both sides from 1.
 */
export function isItsOwnDocument(query: BeirQuery, document: BeirDocument): boolean {
  return query.id === document.id && `${document.title} ${document.text}`.includes(query.text.trim());
}
