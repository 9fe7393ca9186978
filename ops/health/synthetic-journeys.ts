/** The journeys of `ops synthetic`: each a request or a few, and what must come of them. They throw on failure. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { HEALTH_CACHE_MS } from "../../worker/limits.ts";
import { createKey, revokeKey } from "../keys/keys.ts";
import { REVOCATION_WAIT_MS, SETTLE_POLL_MS } from "../limits.ts";
import { sendDocuments } from "../service/batch.ts";
import type { Client } from "../service/client.ts";

/** Where temporary documents live; no caller's data is ever in this tenant. */
export const TENANT = "synthetic";

/** What a journey leaves behind and a later one, or the clean-up, takes away. */
export interface Traces {
  key: { id: string; token: string } | null;
  /** Ids of documents that exist, or may exist. */
  documents: Set<string>;
}

export interface Journey {
  name: string;
  /** Names of journeys without whose success this one says nothing. */
  needs: readonly string[];
  walk(): Promise<void>;
}

const SearchAnswer = z.object({ results: z.array(z.object({ document_id: z.string() })) });
const ChatAnswer = z.object({
  answer: z.string().nullable(),
  found: z.boolean(),
  citations: z.array(z.object({ document_id: z.string() })),
});

interface JourneyInputs {
  /** With the bootstrap secret. */
  admin: Client;
  traces: Traces;
  signal: AbortSignal;
  /** A word that no other run has used: lower-case letters and digits. */
  nonce: string;
  /** For so long a queued document is waited for: a queue whose consumer fails tries again much later. */
  job_wait_ms: number;
}

/** A key of the tenant, for as long as a run takes. */
export async function temporaryKey(admin: Client, name: string): Promise<NonNullable<Traces["key"]>> {
  const { id, key } = await createKey(admin, {
    name: `synthetic ${name}`,
    tenant: TENANT,
    scopes: ["read", "chat", "write"],
    rate_tier: "standard",
  });
  return { id, token: key };
}

/** The journeys in the order in which they must be walked. */
export function journeys({ admin, traces, signal, nonce, job_wait_ms }: JourneyInputs): Journey[] {
  const anonymous = admin.as("");
  const written = { id: `synthetic-${nonce}-a`, question: `At how many hectopascal is valve a${nonce} calibrated?` };
  const queued = { id: `synthetic-${nonce}-b`, question: `At how many hectopascal is valve b${nonce} calibrated?` };
  const textOf = (valve: string): string =>
    `Before every inspection valve ${valve} is calibrated at 731 hectopascal. The inspector signs the protocol.`;
  const caller = (): Client => {
    if (traces.key === null) throw new Error("no key");
    return admin.as(traces.key.token);
  };
  const documentsFound = async (query: string, mode: "hybrid" | "text"): Promise<string[]> => {
    const as = { repeatable: true, answer: SearchAnswer };
    const { results } = await caller().post("/api/v1/search", { query, mode }, as);
    return results.map(({ document_id }) => document_id);
  };
  const ask = async (message: string): Promise<z.infer<typeof ChatAnswer>> =>
    await caller().post("/api/v1/chat", { message }, { repeatable: true, answer: ChatAnswer });

  return [
    {
      name: "live",
      needs: [],
      walk: async () => void (await anonymous.get("/health/live")),
    },
    {
      name: "ready",
      needs: [],
      walk: async () => {
        // A verdict is kept for a while: one of before the fault was mended is asked for again.
        const deadline_ms = performance.now() + HEALTH_CACHE_MS;
        while (!(await anonymous.send("GET", "/health/ready")).ok && performance.now() < deadline_ms)
          await pause(SETTLE_POLL_MS, undefined, { signal });
        await anonymous.get("/health/ready");
      },
    },
    {
      name: "caller without a key is refused",
      needs: [],
      walk: async () => {
        const { status } = await anonymous.send("POST", "/api/v1/search", { query: "anything" });
        expect(status === 401, `expected 401, got ${status}`);
      },
    },
    {
      name: "create a key",
      needs: [],
      walk: async () => {
        traces.key = await temporaryKey(admin, nonce);
      },
    },
    {
      name: "write a document",
      needs: ["create a key"],
      walk: async () => {
        traces.documents.add(written.id);
        const body = { title: "Calibration", text: textOf(`a${nonce}`) };
        await caller().put(`/api/v1/documents/${written.id}`, body);
      },
    },
    {
      name: "search finds it",
      needs: ["write a document"],
      walk: async () => {
        // Twice, so that a cache holds the answer when the document is deleted.
        for (const time of ["first", "second"]) {
          const [best] = await documentsFound(written.question, "hybrid");
          expect(best === written.id, `the ${time} search put ${best ?? "nothing"} first`);
        }
      },
    },
    {
      name: "index a document through the queue",
      needs: ["create a key"],
      walk: async () => {
        traces.documents.add(queued.id);
        const document = { id: queued.id, title: "Calibration", text: textOf(`b${nonce}`) };
        const late = AbortSignal.timeout(job_wait_ms);
        await sendDocuments(caller(), [document], AbortSignal.any([signal, late])).catch((error: unknown) => {
          expect(!late.aborted, `its job has not ended after ${job_wait_ms / 1000} s: npm run ops -- queue status`);
          throw error;
        });
        // By its words it is found at once; its vector comes some seconds later, and the document above may have its own by then.
        const [best] = await documentsFound(queued.question, "text");
        expect(best === queued.id, `a search put ${best ?? "nothing"} first`);
      },
    },
    {
      name: "chat cites it",
      needs: ["write a document"],
      walk: async () => {
        const { found, answer, citations } = await ask(written.question);
        expect(found, `answered: ${answer ?? "(no model)"}`);
        const cited = citations.map(({ document_id }) => document_id);
        expect(cited.includes(written.id), `cited ${cited.join(", ") || "nothing"} for: ${answer}`);
      },
    },
    {
      name: "chat streams it",
      needs: ["write a document"],
      walk: async () => {
        // Another wording than above: a kept answer would not be streamed from the model.
        const message = `Tell me how many hectopascal valve a${nonce} is calibrated at.`;
        const response = await caller().send("POST", "/api/v1/chat", { message, stream: true });
        expect(response.ok, `answered ${response.status}`);
        const events = eventNames(await response.text());
        const inOrder = ["sources", "token", "citation", "usage"].map((name) => events.indexOf(name));
        expect(
          events[0] === "sources" &&
            events.at(-1) === "usage" &&
            inOrder.every((place, index) => place !== -1 && place > (inOrder[index - 1] ?? -1)),
          `events came as ${events.join(", ")}`,
        );
      },
    },
    {
      name: "question outside the documents is not answered",
      needs: ["write a document"],
      walk: async () => {
        const { found, answer } = await ask("Which composer wrote the opera about a barber from Seville?");
        expect(!found, `answered: ${answer ?? "(no model)"}`);
      },
    },
    {
      name: "delete the documents",
      needs: ["write a document"],
      walk: async () => {
        for (const id of traces.documents) {
          await caller().delete(`/api/v1/documents/${id}`);
          traces.documents.delete(id);
        }
      },
    },
    {
      name: "search finds it no longer",
      needs: ["delete the documents"],
      walk: async () => {
        const found = await documentsFound(written.question, "hybrid");
        expect(!found.includes(written.id), "a deleted document is still served");
      },
    },
    {
      name: "revoked key is refused",
      needs: ["create a key"],
      walk: async () => {
        const { id = "" } = traces.key ?? {};
        const client = caller();
        await revokeKey(admin, id);
        traces.key = null;
        const deadline_ms = performance.now() + REVOCATION_WAIT_MS;
        for (;;) {
          const { status } = await client.send("GET", "/api/v1/documents?limit=1");
          if (status === 401) return;
          expect(performance.now() < deadline_ms, `still answered ${status} after ${REVOCATION_WAIT_MS / 1000} s`);
          await pause(SETTLE_POLL_MS, undefined, { signal });
        }
      },
    },
  ];
}

function expect(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** Names of the events of a whole event stream, in order (WHATWG HTML §9.2.6). */
function eventNames(stream: string): string[] {
  return [...stream.matchAll(/^event: ?(.*)$/gm)].map(([, name = ""]) => name.trim());
}
