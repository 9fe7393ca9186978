import { afterEach, expect, test, vi } from "vitest";
import { createCloudflare } from "./cloudflare/api.ts";
import { RequestBudget, systemClock } from "./cloudflare/request-budget.ts";
import { patientStorage } from "./storage/patient-storage.ts";
import { s3Storage } from "./storage/s3-storage.ts";
import { type Fault, startWire } from "./storage/wire.fixture.ts";
import { waitLine, watchWaits, whileWaiting } from "./waits.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The lines of somebody who has heard nothing since long ago. */
function listener(): string[] {
  const lines: string[] = [];
  closing.push(watchWaits({ now: Date.now, heard_ms: () => 0, tell: (line) => void lines.push(line) }));
  return lines;
}

async function wireThat(fault: Fault): Promise<string> {
  const wire = await startWire("http://127.0.0.1:9", () => fault);
  closing.push(() => wire.close());
  return wire.url;
}

/** What is said while `work` waits, which is ended then. */
async function saidOf(work: (signal: AbortSignal) => Promise<unknown>): Promise<string> {
  const [lines, over] = [listener(), new AbortController()];
  const ended = expect(work(over.signal)).rejects.toThrow();
  await vi.waitFor(() => expect(lines).not.toEqual([]), { timeout: 10_000 });
  over.abort();
  await ended;
  return lines[0] ?? "";
}

test("a line says what is waited for, how long it has been, and until when at most", () => {
  const since_ms = Date.parse("2026-11-20T12:00:00Z");
  const line = waitLine({ for: "the storage: locks/1", limit_ms: 60_000 }, since_ms, since_ms + 12_000);
  expect(line).toBe("Waiting for 12 s for the storage: locks/1; until 12:01:00 UTC at most");
  // The newest of many short ones, none of which was told.
  const begun = waitLine({ for: "the storage: locks/1", limit_ms: null }, since_ms, since_ms + 400);
  expect(begun).toBe("Waiting for the storage: locks/1");
});

test("a storage that does not answer is named while it is waited for, with its object and the try", async () => {
  const endpoint = await wireThat({ kind: "hang" });
  const credentials = { access_key_id: "id", secret_access_key: "secret" };
  const storage = s3Storage({ endpoint, bucket: "vault", prefix: "", credentials });
  closing.push(() => storage.close());
  const said = await saidOf((signal) => patientStorage(storage).read("pointer", signal));
  expect(said).toMatch(/s3:\/\/vault\/: pointer, try 1 of 7; until/);
});

test("Cloudflare's API that does not answer, or asks for patience, is named with its reason", async () => {
  const ask = (api_url: string) => (signal: AbortSignal) => {
    const address = { api_url: `${api_url}/client/v4`, account_id: "acc", token: "token" };
    return createCloudflare(address, { signal }).d1.database.get("db", { account_id: "acc" });
  };
  expect(await saidOf(ask(await wireThat({ kind: "hang" })))).toMatch(/Cloudflare: GET d1\/database\/db, try 1 of 6;/);
  const refusal = await wireThat({ kind: "answer", status: 429, headers: { "retry-after": "100" }, body: "{}" });
  expect(await saidOf(ask(refusal))).toMatch(/another try \(GET d1\/database\/db: 429/);
});

test("a spent budget of requests is told as such", async () => {
  const budget = new RequestBudget();
  budget.block(100_000);
  expect(await saidOf((signal) => budget.take(signal))).toMatch(/budget of 1200 requests in 5 minutes, which is spent/);
});

test("what has ended is not waited for any more", async () => {
  const lines = listener();
  await whileWaiting({ for: "one", limit_ms: 1 }, async () => {});
  const said = await saidOf((signal) =>
    whileWaiting({ for: "another", limit_ms: 1 }, () => systemClock.sleep(100_000, signal)),
  );
  expect([said, ...lines].filter((line) => !line.includes("another"))).toEqual([]);
});
