import { once } from "node:events";
import { Agent, type ClientRequest, get, type IncomingMessage, request, type ServerResponse } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import { cleanUp, cleanups, newSocket, startProxy, startUpstream, to } from "./front-proxy.fixture.ts";
import { PROXY_BODIES_BYTES_MAX, PROXY_BODY_BUFFER_BYTES } from "./limits.ts";

afterEach(cleanUp);

setFlagsFromString("--expose-gc");
const collectGarbage: (how: { type: "minor" }) => void = runInNewContext("gc");

test("an idle connection is the client's to close: closed from here, it could be taken up in that moment", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("served")))], new Map());
  const { headers } = await fetch(url);
  expect(headers.get("connection")).toBe("keep-alive");
  expect(headers.get("keep-alive")).toBe(null);
});

test("an idle connection to the worker is the proxy's to close: closed by the worker, it could be taken up in that moment", async () => {
  const { proxy, url } = await startProxy();
  const ends: Promise<unknown>[] = [];
  const upstream = await startUpstream(({ socket }, outgoing) => {
    ends.push(once(socket, "end"));
    // As workerd answers, which does not say how long it waits.
    outgoing.setHeader("connection", "keep-alive").end("served");
  });
  proxy.route([to(upstream)], new Map());
  for (const _ of [1, 2]) expect(await (await fetch(url)).text()).toBe("served");
  await Promise.all(ends);
});

test("a held request waits for the release and is answered by the target of that moment", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("old")))], new Map());
  proxy.hold();
  let settled = false;
  const waiting = fetch(url).then(async (response) => {
    settled = true;
    return response.text();
  });
  await once(
    get(`${url}/other`, { agent: new Agent() }).on("error", () => {}),
    "socket",
  );
  expect(settled).toBe(false);
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("new")))], new Map());
  proxy.release();
  expect(await waiting).toBe("new");
});

test("drained resolves when the running requests are answered, and at once when none runs", async () => {
  const { proxy, url } = await startProxy();
  const running = Promise.withResolvers<ServerResponse>();
  proxy.route([to(await startUpstream((_, outgoing) => running.resolve(outgoing)))], new Map());
  await proxy.drained();
  const answer = fetch(url);
  const outgoing = await running.promise;
  let drained = false;
  const drain = proxy.drained().then(() => {
    drained = true;
  });
  await new Promise(setImmediate);
  expect(drained).toBe(false);
  outgoing.end("done");
  expect(await (await answer).text()).toBe("done");
  await drain;
});

test("a caller that hangs up does not keep the proxy from draining", async () => {
  const { proxy, url } = await startProxy();
  const reached = Promise.withResolvers<void>();
  proxy.route([to(await startUpstream(() => reached.resolve()))], new Map());
  const caller = request(url).on("error", () => {});
  caller.end();
  await reached.promise;
  caller.destroy();
  await proxy.drained();
});

test("an answer that comes before the whole body was read reaches the sender, however large the body is", async () => {
  const { proxy, url } = await startProxy();
  const path = newSocket();
  // Like workerd: answers at the headers, reads no further and closes, which resets the connection.
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.pause();
      const body = '{"refused":true}';
      socket.write(
        `HTTP/1.1 401 Unauthorized\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
        () => socket.destroy(),
      );
    });
  }).listen(path);
  await once(server, "listening");
  cleanups.push(() => server.close());
  proxy.route([to(path)], new Map());
  for (const bytes of [10, 100_000, 1_200_000, 12_000_000]) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const response = await fetch(url, { method: "POST", body: Buffer.alloc(bytes, "x") });
        return [response.status, await response.text()];
      }),
    );
    for (const answer of answers) expect(answer).toEqual([401, '{"refused":true}']);
  }
});

test("a large body arrives whole", async () => {
  const { proxy, url } = await startProxy();
  const upstream = await startUpstream((incoming, outgoing) => {
    let bytes = 0;
    incoming.on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    incoming.on("end", () => outgoing.end(String(bytes)));
  });
  proxy.route([to(upstream)], new Map());
  const response = await fetch(url, { method: "POST", body: Buffer.alloc(PROXY_BODY_BUFFER_BYTES, "x") });
  expect(await response.text()).toBe(String(PROXY_BODY_BUFFER_BYTES));
});

test("requests are split by percentage", async () => {
  let ticket = 0;
  const { proxy, url } = await startProxy(() => (ticket++ % 100) / 100);
  const [a, b] = await Promise.all(["a", "b"].map((name) => startUpstream((_, outgoing) => outgoing.end(name))));
  proxy.route([to(a ?? "", 90), to(b ?? "", 10)], new Map());
  const answers: string[] = [];
  for (let i = 0; i < 100; i += 1) answers.push(await (await fetch(url)).text());
  expect(answers.filter((answer) => answer === "b")).toHaveLength(10);
});

test("a worker that breaks off gives 502, nothing deployed 503, an unknown peer 404", async () => {
  const { proxy, url } = await startProxy();
  expect((await fetch(url)).status).toBe(503);
  proxy.route([to(await startUpstream((incoming) => incoming.socket.destroy()))], new Map());
  expect((await fetch(url)).status).toBe(502);
  expect((await fetch(`${url}/__peer/nobody/`)).status).toBe(404);
});

test("an answer that breaks off in the middle is seen to be incomplete", async () => {
  const { proxy, url } = await startProxy();
  const upstream = await startUpstream((incoming, outgoing) => {
    outgoing.writeHead(200, { "content-length": "100" });
    outgoing.write("half", () => incoming.socket.destroy());
  });
  proxy.route([to(upstream)], new Map());
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
});

test("the caller's address is the socket's, whatever the caller claims", async () => {
  const { proxy, url } = await startProxy();
  proxy.route(
    [to(await startUpstream((incoming, outgoing) => outgoing.end(incoming.headers["cf-connecting-ip"])))],
    new Map(),
  );
  const response = await fetch(url, { headers: { "cf-connecting-ip": "10.0.0.1" } });
  expect(await response.text()).toBe("127.0.0.1");
});

test("a request that is no HTTP is refused with 400 and does not disturb the others", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("fine")))], new Map());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("\u0016\u0003\u0001 not http\r\n\r\n");
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
  expect(await (await fetch(url)).text()).toBe("fine");
});

test("a caller that speaks HTTP/1.0 gets the answer as it is, ended by the connection's end", async () => {
  const { proxy, url } = await startProxy();
  const upstream = await startUpstream((_, outgoing) => {
    outgoing.write("piece by ");
    outgoing.end("piece");
  });
  proxy.route([to(upstream)], new Map());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET / HTTP/1.0\r\n\r\n");
  const answer = await text(socket);
  expect(answer).not.toMatch(/transfer-encoding/i);
  expect(answer.split("\r\n\r\n")[1]).toBe("piece by piece");
});

test("a request gets the version it asks for, even one without traffic; an unknown version changes nothing", async () => {
  const { proxy, url } = await startProxy();
  const answering = (text: string) => startUpstream((_, outgoing) => outgoing.end(text));
  proxy.route([to(await answering("old"), 100, "prism--a1"), to(await answering("new"), 0, "prism--b2")], new Map());
  const asked = async (overrides: string) =>
    (await fetch(url, { headers: { "Cloudflare-Workers-Version-Overrides": overrides } })).text();
  expect(await (await fetch(url)).text()).toBe("old");
  expect(await asked('prism="b2"')).toBe("new");
  expect(await asked('other="a1", prism="b2"')).toBe("new");
  expect(await asked('other="b2"')).toBe("old");
  expect(await asked('prism="c3"')).toBe("old");
  // Of a name without end not every place is tried as its beginning.
  for (let times = 0; times < 40; times += 1) expect(await asked("a".repeat(15_000))).toBe("old");
});

/** A chunked body: nothing says beforehand how large it is. */
const chunked = (bytes: number) =>
  new ReadableStream({
    pull(controller) {
      const size = Math.min(bytes, 1024 * 1024);
      bytes -= size;
      if (size > 0) controller.enqueue(Buffer.alloc(size, "x"));
      else controller.close();
    },
  });

test.each([
  ["announced", () => ({ body: Buffer.alloc(PROXY_BODY_BUFFER_BYTES + 1) })],
  ["chunked", () => ({ body: chunked(3 * PROXY_BODY_BUFFER_BYTES), duplex: "half" })],
])("a body beyond what the Worker could take is answered 413, %s or not", async (_how, init) => {
  const { proxy, url } = await startProxy();
  let asked = 0;
  const count = (_: IncomingMessage, outgoing: ServerResponse) => {
    asked += 1;
    outgoing.end("fine");
  };
  proxy.route([to(await startUpstream(count))], new Map());
  expect((await fetch(url, { method: "PUT", ...init() } as RequestInit)).status).toBe(413);
  expect(asked).toBe(0);
  expect(await (await fetch(url, { method: "PUT", body: "small" })).text()).toBe("fine");
});

/** Callers that send `bytes` of a body and then nothing more. */
function stall(url: string, callers: number, bytes: number): ClientRequest[] {
  return Array.from({ length: callers }, () => {
    const caller = request(url, { method: "PUT", agent: false }).on("error", () => {});
    cleanups.push(() => caller.destroy());
    caller.write(Buffer.alloc(bytes, "x"));
    return caller;
  });
}

test("bodies that are still arriving get only so much room together: the largest is asked to come again, the small are served", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("fine")))], new Map());
  const full = PROXY_BODIES_BYTES_MAX / PROXY_BODY_BUFFER_BYTES;
  const asked = stall(url, full + 3, PROXY_BODY_BUFFER_BYTES - 1).map(async (caller) => {
    const [{ statusCode, headers }] = await once(caller, "response");
    return [statusCode, headers["retry-after"]];
  });
  expect(await Promise.any(asked)).toEqual([503, "1"]);
  for (const bytes of [0, 100, 100_000, 4 * 1024 * 1024]) {
    const body = Buffer.alloc(bytes, "x");
    expect((await fetch(url, { method: "PUT", body })).status).toBe(200);
  }
});

test("bodies that wait for a switch to end count as those that arrive", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("fine")))], new Map());
  proxy.hold();
  const body = Buffer.alloc(PROXY_BODY_BUFFER_BYTES, "x");
  const held = PROXY_BODIES_BYTES_MAX / PROXY_BODY_BUFFER_BYTES;
  const answers = Array.from({ length: held + 2 }, () => fetch(url, { method: "PUT", body }));
  const statuses: number[] = [];
  const refused = new Promise<void>((resolve) => {
    for (const answer of answers) void answer.then(({ status }) => statuses.push(status) === 2 && resolve());
  });
  await refused;
  expect(statuses).toEqual([503, 503]);
  proxy.release();
  for (const answer of answers) await (await answer).text();
  expect(statuses.filter((status) => status === 200)).toHaveLength(held);
});

test("a body in the smallest pieces takes no more memory than its bytes", async () => {
  const { proxy, url } = await startProxy();
  proxy.route([to(await startUpstream((_, outgoing) => outgoing.end("fine")))], new Map());
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const pieces = 300_000;
  const held = () => {
    // What nobody holds is no cost of the proxy's, and a worker of the tests lets tens of megabytes of it lie.
    collectGarbage({ type: "minor" });
    return process.memoryUsage().heapUsed + process.memoryUsage().external;
  };
  const before = held();
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, held());
  }, 5);
  cleanups.push(() => clearInterval(sampling));
  socket.write("PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
  socket.write(`${"1\r\nx\r\n".repeat(pieces)}0\r\n\r\n`);
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
  expect(most - before).toBeLessThan(100 * pieces);
  socket.destroy();
});
