/**
 * What callers do on a game day, minute by minute, and what they were promised: every document whose write was acknowledged must be
 * there afterwards, word for word. Two tenants, for a write makes the caches of its own tenant stale.
 */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { portions } from "../../worker/ground/portions.ts";
import { ALERT_STEP_MIN } from "../../worker/limits.ts";
import type { Client } from "../service/client.ts";

/** Searches that come again and again, as they do where people work. */
const QUESTIONS = [
  "Which lock does the northern canal have?",
  "Who keeps the lake?",
  "Where does the water of the spring go?",
  "When was the marsh measured?",
] as const;
const CORPUS = ["canal", "lake", "spring", "marsh", "glacier", "delta"] as const;
const SEARCHES_PER_MINUTE = 8;
/** A batch goes through the queue once in so many minutes: between two evaluations there is always one. */
const BATCH_EVERY_MIN = ALERT_STEP_MIN - 1;
const BATCH_DOCUMENTS = 2;
const CHECKS_AT_ONCE = 8;
/** The queue may be at work on the last batch when documents are looked for. */
const SETTLE_TRIES = 40;
const SETTLE_PAUSE_MS = 250;

const storedDocument = z.object({ text: z.string(), chunks: z.array(z.object({ text: z.string() })) });
const searchAnswer = z.object({ results: z.array(z.object({ document_id: z.string() })) });

export interface Callers {
  /** Writes, in the tenant `default`. */
  writer: Client;
  /** Searches and asks, in a tenant of its own. */
  reader: Client;
}

export class Traffic {
  readonly #callers: Callers;
  /** Text of every document whose write was acknowledged, by id. */
  readonly #promised = new Map<string, string>();
  #minutes = 0;
  requests = 0;
  /** Answered with a server error, or not at all. */
  failed = 0;

  constructor(callers: Callers) {
    this.#callers = callers;
  }

  /** The documents that searches are about. */
  async prepare(): Promise<void> {
    for (const subject of CORPUS)
      await this.#callers.reader.put(`/api/v1/documents/${subject}`, {
        title: `The ${subject}`,
        text: `The ${subject} has a keeper, a lock and a measuring station. ${`Water of the ${subject} goes north. `.repeat(12)}`,
      });
  }

  /** A minute of everything. Rejects never: what fails is counted. */
  async minute(): Promise<void> {
    const { writer, reader } = this.#callers;
    const number = this.#minutes++;
    const written = this.#document(`d${number}`);
    const { status } = await this.#send(writer, "PUT", `/api/v1/documents/${written.id}`, { text: written.text });
    if (isAcknowledged(status)) this.#promised.set(written.id, written.text);
    if (number % BATCH_EVERY_MIN === 0) await this.#batch(number);
    await Promise.all(
      Array.from({ length: SEARCHES_PER_MINUTE }, (_, index) => {
        const query = QUESTIONS[index % QUESTIONS.length] ?? "";
        return this.#send(reader, "POST", "/api/v1/search", { query });
      }),
    );
    await this.#send(reader, "POST", "/api/v1/chat", { message: QUESTIONS[number % QUESTIONS.length] ?? "" });
  }

  async #batch(number: number): Promise<void> {
    const documents = Array.from({ length: BATCH_DOCUMENTS }, (_, index) => this.#document(`q${number}x${index}`));
    const { status } = await this.#send(this.#callers.writer, "POST", "/api/v1/documents/batch", { documents });
    if (isAcknowledged(status)) for (const { id, text } of documents) this.#promised.set(id, text);
  }

  #document(id: string): { id: string; text: string } {
    return { id, text: `Entry ${wordOf(id)} of the log. ${"The gauge was read and the gate was shut. ".repeat(8)}` };
  }

  async #send(client: Client, method: string, path: string, body: unknown): Promise<{ status: number | null }> {
    this.requests += 1;
    const status = await client.send(method, path, body).then(
      async (response) => {
        await response.text();
        return response.status;
      },
      () => null,
    );
    if (status === null || status >= 500) this.failed += 1;
    return { status };
  }

  get promised(): number {
    return this.#promised.size;
  }

  /** Ids of promised documents that are not there, or not word for word, or not found by their own word. */
  async lost(): Promise<string[]> {
    const missing = new Set(this.#promised.keys());
    for (let tries = 0; tries < SETTLE_TRIES && missing.size > 0; tries++) {
      if (tries > 0) await pause(SETTLE_PAUSE_MS);
      for (const ids of portions([...missing], CHECKS_AT_ONCE))
        await Promise.all(
          ids.map(async (id) => {
            if (await this.#isThere(id)) missing.delete(id);
          }),
        );
    }
    return [...missing];
  }

  async #isThere(id: string): Promise<boolean> {
    const { writer } = this.#callers;
    const text = this.#promised.get(id);
    try {
      const stored = storedDocument.parse(await writer.get(`/api/v1/documents/${id}`));
      const query = { query: wordOf(id), mode: "text", top_k: 1 };
      const found = searchAnswer.parse(await writer.post("/api/v1/search", query, { repeatable: true }));
      const pieces = stored.chunks.map((chunk) => chunk.text).join("");
      return stored.text === text && pieces === text && found.results[0]?.document_id === id;
    } catch {
      return false;
    }
  }
}

/** 202: kept, and applied later. */
function isAcknowledged(status: number | null): boolean {
  return status === 200 || status === 201 || status === 202;
}

/** A word that only this document has. */
function wordOf(id: string): string {
  return `quag${id}mire`;
}
