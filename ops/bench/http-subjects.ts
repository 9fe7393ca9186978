/** What `ops bench http` measures, and the requests it sends to it. */
import { STOPWORDS } from "../../worker/rag/text/stopwords.ts";
import { type Paragraph, queryAbout, type Random } from "./corpus.ts";
import type { Shot } from "./measure.ts";

/** Different queries that the cached workload repeats; each was answered before the first round. */
export const CACHED_QUERIES = 20;

export interface Subject {
  name: string;
  /** What it is compared to: a peer, or itself without telemetry; null for what others are compared to. */
  peer: string | null;
  /** A query's request; `serial` differs for every request of the run. */
  shot(query: string, serial: number): Shot;
  /** True: asks for the same few queries again and again. */
  cached: boolean;
}

const WITHOUT_TELEMETRY = "_untold";

/** Each workload compared with itself, answered by the Worker that `headers` reach: the one without telemetry. */
export function withTwins(workloads: readonly Subject[], headers: Readonly<Record<string, string>>): Subject[] {
  return workloads
    .filter(({ peer }) => peer !== null)
    .flatMap((told) => {
      const name = `${told.name}${WITHOUT_TELEMETRY}`;
      const untold = {
        ...told,
        name,
        peer: null,
        shot: (query: string, serial: number) => ({ ...told.shot(query, serial), headers }),
      };
      return [untold, { ...told, peer: name }];
    });
}

/** Peers first. */
export function subjects(chunks: number): Subject[] {
  const search = (name: string, mode: string, cached: boolean, peer: string): Subject => ({
    name,
    peer,
    cached,
    shot: (query) => ({ method: "POST", path: "/api/v1/search", body: { query, mode, top_k: 10 } }),
  });
  return [
    {
      name: "point_query",
      peer: null,
      cached: false,
      shot: (_query, serial) => ({ method: "GET", path: `/__peer/point-query/query?id=${(serial * 7919) % chunks}` }),
    },
    {
      name: "fts_fetch",
      peer: null,
      cached: false,
      shot: (query) => ({ method: "GET", path: `/__peer/fts-fetch/query?q=${encodeURIComponent(query)}` }),
    },
    search("search_cached", "hybrid", true, "point_query"),
    search("search_hybrid", "hybrid", false, "fts_fetch"),
    search("search_text", "text", false, "fts_fetch"),
    {
      name: "chat",
      peer: "fts_fetch",
      cached: false,
      shot: (query) => ({ method: "POST", path: "/api/v1/chat", body: { message: query } }),
    },
  ];
}

export interface Magazine {
  /** So many queries that the run has not asked before: nothing but a cached subject may meet a cache. */
  freshQueries(count: number): string[];
  /** Requests of a subject; a cached one gets its own few queries instead of these. */
  shots(subject: Subject, queries: readonly string[]): Shot[];
}

/** Requests about the paragraphs of a corpus. */
export function createMagazine(corpus: readonly Paragraph[], random: Random): Magazine {
  const asked = new Set<string>();
  const freshQueries = (count: number): string[] => {
    const queries: string[] = [];
    while (queries.length < count) {
      const paragraph = corpus[Math.floor(random() * corpus.length)];
      const query = paragraph === undefined ? "" : queryAbout(paragraph, STOPWORDS, random);
      if (query === "" || asked.has(query)) continue;
      asked.add(query);
      queries.push(query);
    }
    return queries;
  };
  const repeated = freshQueries(CACHED_QUERIES);
  let serial = 0;
  return {
    freshQueries,
    shots: (subject, queries) =>
      queries.map((query, index) => {
        serial += 1;
        return subject.shot(subject.cached ? (repeated[index % CACHED_QUERIES] ?? query) : query, serial);
      }),
  };
}
