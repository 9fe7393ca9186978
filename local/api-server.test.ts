import { once } from "node:events";
import { connect } from "node:net";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCloudflare } from "../ops/cloudflare/api.ts";
import { patientStorage } from "../ops/storage/patient-storage.ts";
import { s3Storage } from "../ops/storage/s3-storage.ts";
import { serveApis } from "./api-server.ts";
import { TailSessions } from "./telemetry/tail-sessions.ts";

let requests = 0;
let free_bytes = 0;
let server: Awaited<ReturnType<typeof serveApis>>;
beforeAll(async () => {
  const rest = new Hono().all("*", (c) => {
    requests += 1;
    return c.json({ success: true, errors: [], messages: [], result: [] });
  });
  server = await serveApis(0, rest, (_, response) => void response.end(), new TailSessions(Date.now, Math.random), {
    folder: "/data",
    free_bytes: () => free_bytes,
  });
});
afterAll(() => server.close());

const { signal } = new AbortController();
const client = () =>
  createCloudflare({ api_url: `http://127.0.0.1:${server.port}/client/v4`, account_id: "acc", token: "t" }, { signal });

test("an idle connection is the client's to close", async () => {
  const { headers } = await fetch(`http://127.0.0.1:${server.port}/bucket`);
  expect(headers.get("connection")).toBe("keep-alive");
  expect(headers.get("keep-alive")).toBe(null);
});

test("a caller that asks for a websocket and resets its connection stops nobody", async () => {
  const headers = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  for (let time = 0; time < 50; time += 1) {
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`GET /local/tails/x HTTP/1.1\r\n${headers}`, () => socket.resetAndDestroy());
    await once(socket, "close");
  }
  expect((await fetch(`http://127.0.0.1:${server.port}/bucket`)).status).toBe(200);
});

test("a full disk is told at once, with its folder, and is not tried again", async () => {
  free_bytes = 4096;
  const query = () => client().d1.database.raw("db", { account_id: "acc", sql: "INSERT INTO t VALUES (1)" });
  await expect(query()).rejects.toMatchObject({
    status: 507,
    is_unclear: false,
    parts: {
      cause: expect.stringMatching(/disk of \/data is full: 4096 bytes/),
      hint: expect.stringMatching(/free space/),
    },
  });
  const credentials = { access_key_id: "id", secret_access_key: "secret" };
  const bucket = { endpoint: `http://127.0.0.1:${server.port}`, bucket: "b", prefix: "", credentials };
  const storage = s3Storage(bucket);
  const tries: unknown[] = [];
  const patient = patientStorage(storage, { on_retry: (error) => tries.push(error) });
  await expect(patient.create("x", Buffer.from("x"), signal)).rejects.toMatchObject({
    failure: "full",
    parts: { cause: expect.stringMatching(/disk of \/data is full/) },
  });
  storage.close();
  expect([requests, tries]).toEqual([0, []]);
  await client().d1.database.delete("db", { account_id: "acc" });
  free_bytes = Number.MAX_SAFE_INTEGER;
  await query();
  expect(requests).toBe(2);
});
