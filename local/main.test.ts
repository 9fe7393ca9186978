/** `npm start` as a user meets it: the real process, its signals, and what it leaves behind. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EMPTY, FREE_PORTS, NPM_START, processesOf, type Run, Starts, until } from "./main.fixture.ts";

let starts: Starts;
beforeAll(() => {
  starts = new Starts();
});
afterEach(() => starts.stop());
afterAll(() => starts.remove());
const start = (...flags: string[]): Run => starts.start(...flags);

async function documentsOf({ url, key }: Record<string, string>): Promise<{ id: string }[]> {
  const response = await fetch(`${url}/api/v1/documents?limit=1000`, { headers: { authorization: `Bearer ${key}` } });
  expect(response.status).toBe(200);
  return (await response.json()).documents;
}

describe("flags", () => {
  test("wrong ones are refused with exit code 2, what is wrong and where help is, before anything starts", async () => {
    const cases: [string[], RegExp][] = [
      [["--prot", "1"], /--prot/],
      [["--port", "99999"], /--port takes a port from 0 to 65535/],
      [["--data", ""], /--data takes a folder/],
      [["--corpus", "/nonexistent/folder"], /--corpus.*nonexistent/],
      [["serve"], /serve/],
    ];
    const runs = cases.map(([flags, message]) => ({ run: start(...flags), message }));
    for (const { run, message } of runs) {
      expect((await run.ended).code).toBe(2);
      expect(run.stderr()).toMatch(message);
      expect(run.stderr()).toContain("Try: npm start -- --help");
      expect(run.stdout()).toBe("");
      expect(readdirSync(run.temp)).toEqual([]);
    }
  });

  test("--help prints the flags and starts nothing", async () => {
    const run = start("--help");
    expect((await run.ended).code).toBe(0);
    for (const flag of ["--port", "--api-port", "--data", "--ephemeral", "--corpus", "--no-demo", "--json"]) {
      expect(run.stdout()).toContain(flag);
    }
  });
});

describe("ports that are taken", () => {
  let blocker: Server;
  let port: string;
  beforeAll(async () => {
    blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    port = String((blocker.address() as AddressInfo).port);
  });
  afterAll(() => blocker.close());

  test("end the start with exit code 1, the port and the remedy, and leave nothing", async () => {
    const runs = [
      start("--port", port, "--api-port", "0", "--ephemeral", "--no-demo", "--json"),
      start("--api-port", port, "--port", "0", "--ephemeral", "--no-demo", "--json"),
    ];
    for (const run of runs) {
      expect((await run.ended).code).toBe(1);
      expect(run.stderr()).toContain(port);
      expect(run.stderr()).toContain("Try: npm start -- --port 0 --api-port 0");
      expect(run.stdout()).toBe("");
      expect(readdirSync(run.temp)).toEqual([]);
    }
  });
});

describe("one life on a folder", () => {
  const data = () => join(starts.scratch, "life");
  const flags = () => [...FREE_PORTS, "--data", data(), "--json"];

  test("the ready line works, a second start is refused, Ctrl-C leaves nothing running, a restart finds the data", async () => {
    const corpus = mkdtempSync(join(starts.scratch, "corpus-"));
    writeFileSync(join(corpus, "weevil.md"), "# Weevils\n\nThe granary weevil eats stored grain.\n");
    writeFileSync(join(corpus, "notes.txt"), "Plain notes about moths.");
    writeFileSync(join(corpus, "image.png"), "not text");
    writeFileSync(Buffer.from(`${corpus}/caf\xe9.md`, "latin1"), "# Coffee");
    writeFileSync(join(corpus, "two\nlines.md"), "# Refused by the service");

    const first = start(...flags(), "--corpus", corpus);
    const line = await first.ready;
    expect(line).toMatchObject({ ready: true, url: expect.any(String), key: expect.stringMatching(/^prism_/) });
    expect((await documentsOf(line)).map(({ id }) => id).length).toBe(2);
    expect(first.stderr()).toMatch(/Not indexed: corpus:caf\uFFFD\.md: .*not UTF-8/);
    expect(first.stderr()).toMatch(/Not indexed: corpus:two\\nlines\.md: .*control characters/);
    const chat = await fetch(`${line.url}/api/v1/chat`, {
      method: "POST",
      headers: { authorization: `Bearer ${line.key}`, "content-type": "application/json" },
      body: JSON.stringify({ message: "What does the granary weevil eat?" }),
    });
    expect((await chat.json()).answer).toContain("grain");
    const api = await fetch(`${line.api_url}/user/tokens/verify`, {
      headers: { authorization: `Bearer ${line.api_token}` },
    });
    expect(api.status).toBe(200);
    // The S3 API answers in S3's words to who does not sign.
    expect(await (await fetch(`${line.s3_url}/`)).text()).toContain("<Error>");

    // Bodies that never end, of callers without a key.
    const memory = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${first.child.pid}/status`, "utf8"))?.[1]) / 1024;
    const before_mib = memory();
    let refused = 0;
    const refuse = () => {
      refused += 1;
    };
    const callers = Array.from({ length: 40 }, () => {
      const caller = request(line.url ?? "", { method: "PUT", agent: false });
      caller.once("response", refuse).on("error", () => {});
      caller.write(Buffer.alloc(16 * 1024 * 1024 - 1));
      return caller;
    });
    await until(() => refused >= 8);
    expect(memory() - before_mib).toBeLessThan(250);
    for (const caller of callers) caller.destroy();

    const second = start(...flags());
    expect((await second.ended).code).toBe(1);
    expect(second.stderr()).toMatch(/already running/);
    expect(second.stderr()).toMatch(/--data DIR or --ephemeral/);
    expect((await documentsOf(line)).length).toBe(2);
    expect(JSON.parse(readFileSync(join(data(), "platform.json"), "utf8")).url).toBe(line.url);

    expect(processesOf(first).length).toBeGreaterThan(0);
    first.child.kill("SIGINT");
    expect(await first.ended).toEqual({ code: 0, signal: null });
    await until(() => processesOf(first).length === 0);
    expect(existsSync(join(data(), "platform.json"))).toBe(false);
    expect(readdirSync(first.temp)).toEqual([]);
    expect(first.stdout().trim().split("\n")).toHaveLength(1);

    const again = start(...flags(), "--no-demo");
    const next = await again.ready;
    expect(next.key).toBe(line.key);
    expect((await documentsOf(next)).length).toBe(2);

    // The machine kills it: workerd must not live on with the database open, and the next start must work.
    again.child.kill("SIGKILL");
    await again.ended;
    await until(() => processesOf(again).length === 0);
    const third = start(...flags().filter((flag) => flag !== "--json"), "--no-demo");
    await until(() => third.stdout().includes("Ctrl-C stops it"));
    // What it says to try can be typed as it stands.
    expect(third.stdout()).toContain(`\n  npm run ops -- synthetic --data ${data()}\n`);
    const { url, admin_key } = JSON.parse(readFileSync(join(data(), "platform.json"), "utf8"));
    expect((await documentsOf({ url, key: admin_key })).length).toBe(2);
    third.child.kill("SIGTERM");
    expect((await third.ended).code).toBe(0);
  });
});

describe("stopping", () => {
  test("a signal while it starts leaves no process and no temporary folder", async () => {
    // When it has nothing but a folder, and when workerd is on its way.
    const signals = [
      ["SIGINT", ({ temp }: Run) => readdirSync(temp).length > 0],
      ["SIGTERM", (run: Run) => processesOf(run).length > 0],
    ] as const;
    await Promise.all(
      signals.map(async ([signal, isTime]) => {
        const run = start(...FREE_PORTS, "--ephemeral", "--json");
        await until(() => isTime(run));
        run.child.kill(signal);
        expect((await run.ended).code).toBe(0);
        await until(() => processesOf(run).length === 0);
        expect(run.stdout()).toBe("");
        expect(readdirSync(run.temp)).toEqual([]);
      }),
    );
  });

  test("a Ctrl-C that reaches every process, and the main one again through npm, is one orderly stop", async () => {
    const run = start(...EMPTY);
    expect(await documentsOf(await run.ready)).toEqual([]);
    process.kill(-(run.child.pid ?? 0), "SIGINT");
    run.child.kill("SIGINT");
    expect((await run.ended).code).toBe(0);
    await until(() => processesOf(run).length === 0);
    expect(readdirSync(run.temp)).toEqual([]);
  });

  // Its other ends, and npx: `main-slow.test.ts`.
  test("npm that is ended leaves nothing running", () => starts.leaveNothing([[NPM_START, "SIGTERM"]]));
});
