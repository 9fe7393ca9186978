/** For tests: the S3 API over HTTP, in front of R2 in a workerd of its own. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { GetObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { Registry } from "../registry.ts";
import { directGateway, gatewayBucket } from "./gateway-bucket.ts";
import type { LockRule } from "./lock-rules.ts";
import { s3Api } from "./s3-api.ts";
import { UploadLedger } from "./upload-ledger.ts";

export const CREDENTIALS = { accessKeyId: "test-key", secretAccessKey: "test-secret" };
const SECRET = "gateway secret of the tests";
const BUCKETS = ["first", "second", "locked", "made-here"];

export async function startS3() {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: "r2-gateway",
      modules: [
        {
          type: "ESModule",
          path: "r2-gateway.js",
          contents: readFileSync(join(import.meta.dirname, "r2-gateway-worker.js"), "utf8"),
        },
      ],
      compatibilityDate: "2026-11-01",
      r2Buckets: Object.fromEntries(BUCKETS.map((name) => [`r2:${name}`, name])),
      bindings: { GATEWAY_SECRET: SECRET },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      cf: false,
      telemetry: { enabled: false },
    }),
  );
  const gateway_url = await miniflare.unsafeGetDirectURL("r2-gateway");
  const gateway = directGateway(gateway_url, SECRET);

  const clock = { engine_ahead_ms: 0, server_ahead_ms: 0 };
  const registry = new Registry(":memory:");
  const engine = {
    registry,
    now: () => Date.now() + clock.engine_ahead_ms,
    r2: async (bucket: string) => gatewayBucket(gateway, `r2:${bucket}`),
  };
  const uploads = new UploadLedger(":memory:");
  const server = createServer(
    s3Api({
      engine,
      uploads,
      credentials: () => [{ access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey }],
      now: () => Date.now() + clock.server_ahead_ms,
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const clients: S3Client[] = [];
  const client = (config: S3ClientConfig = {}): S3Client => {
    const made = new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: "auto",
      forcePathStyle: true,
      credentials: CREDENTIALS,
      maxAttempts: 1,
      ...config,
    });
    clients.push(made);
    return made;
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    clock,
    engine,
    gateway_url,
    client,
    /** An object's text, read by an unmodified client. */
    async stored(Bucket: string, Key: string) {
      const { Body } = await client().send(new GetObjectCommand({ Bucket, Key }));
      return Body?.transformToString();
    },
    /** A bucket as the REST face would have made it. */
    addBucket(name: string, lock_rules: LockRule[] = []) {
      const creation_date = "2026-01-01T00:00:00.000Z";
      registry.put("r2", name, {
        name,
        creation_date,
        location: "WNAM",
        storage_class: "Standard",
        lifecycle_rules: [],
        lock_rules,
      });
    },
    async close() {
      for (const made of clients) made.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      uploads.close();
      registry.close();
      await miniflare.dispose();
    },
  };
}

/** The name of the error that a client is answered with. */
export const nameOfRefusal = (promise: Promise<unknown>) =>
  promise.then(
    () => "accepted",
    (error) => error.name,
  );
