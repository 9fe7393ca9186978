/** Every port that listens: what is behind it is for those who prove that they may, or not there. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { platform as system } from "node:os";
import { GetObjectCommand, ListBucketsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { SERVICE } from "../infra/inventory.ts";
import { type Platform, startPlatform } from "./platform.ts";
import { s3Credentials } from "./state.ts";
import { workerName } from "./worker-bindings.ts";
import { liveVersion } from "./workerd.ts";

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform?.close());

/** TCP ports on which a process listens (Linux). */
function listening(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .flatMap((line) => {
        const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
        return state === "0A" && sockets.has(inode) ? [Number.parseInt(local.split(":")[1] ?? "", 16)] : [];
      }),
  );
}

test.skipIf(system() !== "linux")(
  "whoever finds workerd's ports gets no SQL, no key, no object and no Worker from them",
  async () => {
    const { runtime, url } = platform;
    const version = liveVersion(runtime.registry, SERVICE);
    const [database] = runtime.registry.list("d1");
    const [namespace] = runtime.registry.list("kv");
    const [bucket] = runtime.registry.list("r2");
    if (!version || !database || !namespace || !bucket) throw new Error("the platform is not seeded");
    await (await runtime.r2(bucket.name)).put("secret.txt", "hush");
    const ports = listening(platform.workerdPid() ?? 0);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports).not.toContain(Number(new URL(url).port));
    const sql = { method: "POST", body: JSON.stringify([{ sql: "SELECT 1", params: [] }]) };
    const list = { method: "POST", body: JSON.stringify({ operation: "list", options: {} }) };
    const asWorker = (name: string) => ({ headers: { "MF-Route-Override": name, "CF-Connecting-IP": "203.0.113.9" } });
    const attacks: [string, RequestInit][] = [
      [`/d1%3A${database.uuid}`, sql],
      [`/d1%3A${database.uuid}`, { ...sql, ...asWorker("prism-d1-gateway") }],
      [`/kv%3A${namespace.id}`, { ...list, ...asWorker("prism-kv-gateway") }],
      [`/list?binding=r2%3A${bucket.name}`, { ...list, ...asWorker("prism-r2-gateway") }],
      [`/d1%3A${database.uuid}`, { ...sql, ...asWorker("prism-platform") }],
      ["/health/live", asWorker(workerName(version))],
      ["/health/live", {}],
      [`/cdn-cgi/local/r2/public/${bucket.name}/secret.txt`, {}],
      [`/door`, { headers: { "MF-Original-URL": `http://door/cdn-cgi/local/r2/public/${bucket.name}/secret.txt` } }],
      [`/cdn-cgi/local/r2/s3/${bucket.name}/secret.txt`, {}],
      ["/cdn-cgi/local/explorer", {}],
      ["/cdn-cgi/local/explorer/api/storage/kv/namespaces", {}],
    ];
    // The service's and the APIs' own ports say that a key is wanted: 401, S3 400. Whether the service lives, it tells everybody.
    const own = listening(platform.pid).map((port) => [port, [400, 401, 403, 404]] as const);
    expect(own.map(([port]) => port)).toContain(Number(new URL(url).port));
    for (const [port, refusals] of [...ports.map((port) => [port, [403, 404]] as const), ...own])
      for (const [path, init] of attacks) {
        if (path === "/health/live" && !ports.includes(port)) continue;
        const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
        expect([port, path, refusals, await answer.text()]).toEqual([
          port,
          path,
          expect.arrayContaining([answer.status]),
          expect.not.stringMatching(/results|keys|ok|hush/),
        ]);
      }
  },
);

test("of all permissions only those of R2 open a bucket to S3, and reading ones write nothing", async () => {
  const { account_id, api_token: apiToken, api_url: baseURL, s3_url: endpoint } = platform;
  const { tokens } = new Cloudflare({ apiToken, baseURL }).accounts;
  const [{ name: Bucket } = { name: "" }, other] = platform.runtime.registry.list("r2");
  await (await platform.runtime.r2(Bucket)).put("there", "hush");
  const opened: Record<string, string[]> = {};
  for await (const { id = "", name = "" } of tokens.permissionGroups.list({ account_id })) {
    const resources = {
      [`com.cloudflare.api.account.${account_id}`]: "*",
      "com.cloudflare.api.account.zone.*": "*",
      [`com.cloudflare.edge.r2.bucket.${account_id}_default_${Bucket}`]: "*",
      [`com.cloudflare.edge.r2.bucket.${"0".repeat(32)}_default_${other?.name}`]: "*",
    };
    const policies = [{ effect: "allow" as const, permission_groups: [{ id }], resources }];
    const made = await tokens.create({ account_id, name, policies });
    const { access_key_id, secret_access_key } = s3Credentials({ id: made.id ?? "", value: made.value ?? "" });
    const credentials = { accessKeyId: access_key_id, secretAccessKey: secret_access_key };
    const s3 = new S3Client({ endpoint, region: "auto", forcePathStyle: true, credentials, maxAttempts: 1 });
    const tries = {
      list: () => s3.send(new ListBucketsCommand({})),
      get: () => s3.send(new GetObjectCommand({ Bucket, Key: "there" })),
      put: () => s3.send(new PutObjectCommand({ Bucket, Key: "made", Body: "x" })),
      elsewhere: () => s3.send(new PutObjectCommand({ Bucket: other?.name, Key: "made", Body: "x" })),
    };
    for (const [what, attempt] of Object.entries(tries))
      await attempt().then(
        () => {
          opened[name] = [...(opened[name] ?? []), what];
        },
        (error: Error) => expect(error.name).toBe("AccessDenied"),
      );
  }
  expect(opened).toEqual({
    "Workers R2 Storage Read": ["list", "get"],
    "Workers R2 Storage Write": ["list", "get", "put", "elsewhere"],
    "Workers R2 Storage Bucket Item Read": ["get"],
    "Workers R2 Storage Bucket Item Write": ["get", "put"],
  });
});

/** Listens at a port as soon as nobody else does. */
function take(port: number): Promise<Server> {
  const listen = () =>
    new Promise<Server>((resolve, reject) => {
      const server = createServer().once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve(server));
    });
  return vi.waitFor(listen, { interval: 1, timeout: 30_000 });
}

test.skipIf(system() !== "linux")(
  "a reload that finds workerd's ports taken by others goes on with new ones",
  async () => {
    const thieves = listening(platform.workerdPid() ?? 0).map(take);
    await platform.runtime.reload();
    const taken = await Promise.all(thieves);
    expect(taken).not.toEqual([]);
    expect((await fetch(`${platform.url}/health/ready`)).status).toBe(200);
    for (const server of taken) server.close();
  },
);
