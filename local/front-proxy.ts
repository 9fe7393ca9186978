/**
 * The front proxy owns the public port, so that a deployment, a restore or a rebuild never refuses a connection.
 *
 * workerd refuses connections for about 0.3 s while it reloads. The proxy outlives it: `hold` makes new requests
 * wait, `drained` resolves when the running ones are answered, `release` lets the waiting ones go. Hold time shows
 * as latency, never as an error. Weighted targets split traffic between versions.
 */
import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { PROXY_BODIES_BYTES_MAX, PROXY_BODY_BUFFER_BYTES, PROXY_HOLD_MAX_MS, PROXY_IDLE_MAX_MS } from "./limits.ts";

interface ProxyTarget {
  /** Path of the Unix socket where the worker listens. */
  socket: string;
  /** Share of requests, 0–100. */
  percentage: number;
  /** Script and version that run there, as `<script>--<version id>`. */
  name: string;
}

interface Refusal {
  status: number;
  detail: string;
}
const TOO_LARGE: Refusal = { status: 413, detail: `a body may have ${PROXY_BODY_BUFFER_BYTES} bytes` };
const CROWDED: Refusal = { status: 503, detail: "too many bodies are arriving at once" };

/** Room for one body, until the Worker has it. */
interface Held {
  blocks: Buffer[];
  room: number;
  /** Takes no more of it. */
  refuse(why: Refusal): void;
}

/**
 * Cloudflare's way to ask for one version of the current deployment, even one that gets no traffic.
 * https://developers.cloudflare.com/workers/versions-and-deployments/version-overrides/
 */
const OVERRIDES = "cloudflare-workers-version-overrides";

export class FrontProxy {
  #targets: ProxyTarget[] = [];
  /** Extra workers (bench peers), reached below `/__peer/<name>/`. */
  #peers = new Map<string, string>();
  #held: PromiseWithResolvers<void> | null = null;
  #running = 0;
  /** When the last request was answered, on the clock of `performance`. */
  #answered_ms = Number.NEGATIVE_INFINITY;
  readonly #held_bodies = new Set<Held>();
  #onIdle: (() => void)[] = [];
  // An idle connection is closed from here: taken up in the moment in which workerd closes it, it would cost a request its answer.
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: PROXY_IDLE_MAX_MS });
  readonly #server: Server;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
    // A client that takes up an idle connection in the moment in which Node closes it meets a reset: that is for the client to do.
    this.#server.keepAliveTimeout = 0;
    // Nagle's delay would show as 40 ms on small answers.
    this.#server.on("connection", (socket: Socket) => socket.setNoDelay(true));
  }

  /** Binds the public port (0 = any free one) on the loopback interface and returns the port. */
  async listen(port: number): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where requests go from now on. Percentages sum to 100. */
  route(targets: ProxyTarget[], peers: Map<string, string>): void {
    this.#targets = targets;
    this.#peers = peers;
    // Sockets to a worker that is gone would fail the first request after a switch.
    this.#agent.destroy();
  }

  /** New requests wait until `release`. Holding twice is one hold. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  /** Resolves when no forwarded request is running. */
  async drained(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Milliseconds for which nothing was forwarded any more; endless before the first request. Only for when it has drained. */
  idleFor_ms(): number {
    return performance.now() - this.#answered_ms;
  }

  async close(): Promise<void> {
    this.release();
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const held: Held = { blocks: [], room: 0, refuse: () => {} };
    // Node takes the first of several: https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    if ((incoming.headersDistinct.host?.length ?? 0) > 1) {
      incoming.resume();
      return refuse(outgoing, { status: 400, detail: "a request has one Host" });
    }
    try {
      const body = await this.#readAhead(incoming, held);
      if (incoming.destroyed && !incoming.complete) return;
      if (Buffer.isBuffer(body)) return await this.#forward(incoming, outgoing, body);
      // What still comes is read and dropped: a connection that is cut would take the answer along.
      incoming.resume();
      refuse(outgoing, body);
    } finally {
      this.#held_bodies.delete(held);
      // The answer may take long, and what listens to the request would keep them.
      held.blocks = [];
    }
  }

  /** Resolves when the Worker has the body, or nobody wants it any more. */
  async #forward(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): Promise<void> {
    if (this.#held) {
      const timeout = pause(PROXY_HOLD_MAX_MS, "timeout", { ref: false });
      if ((await Promise.race([this.#held.promise, timeout])) === "timeout")
        return refuse(outgoing, { status: 503, detail: "held for too long" });
    }
    const target = this.#pick(incoming);
    if (!target) return refuse(outgoing, { status: 503, detail: "no worker is deployed" });
    if (target === "unknown peer") return refuse(outgoing, { status: 404, detail: "there is no such peer" });
    this.#running += 1;
    const finished = () => {
      this.#running -= 1;
      this.#answered_ms = performance.now();
      if (this.#running > 0) return;
      for (const resolve of this.#onIdle.splice(0)) resolve();
    };
    let answer: IncomingMessage | null = null;
    const upstream = request(
      {
        agent: this.#agent,
        socketPath: target.socket,
        method: incoming.method,
        path: target.path,
        headers: {
          ...endToEnd(incoming.headers),
          // Said of every method, or a body of a GET would be read as the next request.
          ...(body.length > 0 && { "content-length": body.length }),
          "cf-connecting-ip": incoming.socket.remoteAddress ?? "127.0.0.1",
        },
      },
      (response) => {
        answer = response;
        outgoing.writeHead(response.statusCode ?? 502, endToEnd(response.headers));
        response.pipe(outgoing);
        // An answer that broke off must not look complete; `pipe` ends the whole ones.
        response.once("close", () => {
          if (!response.complete) outgoing.destroy();
        });
      },
    );
    upstream.setNoDelay(true);
    upstream.once("close", finished);
    upstream.on("error", () => {
      if (!answer) refuse(outgoing, { status: 502, detail: "the worker closed the connection" });
    });
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) upstream.destroy();
      // What the worker did not want to read still has to leave the caller's connection.
      incoming.resume();
    });
    await new Promise((resolve) => {
      upstream.once("close", resolve);
      upstream.end(body, () => resolve(null));
    });
  }

  /**
   * The whole body, or why it is not taken.
   *
   * A worker that refuses a request without reading its body answers and closes. When the whole body is handed over in
   * one piece, libuv looks for that answer before it goes on writing; written piece by piece, the closed socket would be
   * met first and the answer lost.
   */
  async #readAhead(incoming: IncomingMessage, held: Held): Promise<Buffer | Refusal> {
    const { "content-length": announced, "transfer-encoding": encoding } = incoming.headers;
    if (announced === undefined && encoding === undefined) return Buffer.alloc(0);
    if (Number(announced ?? 0) > PROXY_BODY_BUFFER_BYTES) return TOO_LARGE;
    this.#held_bodies.add(held);
    let bytes = 0;
    return new Promise((resolve) => {
      const take = (piece: Buffer) => {
        const wanted = bytes + piece.length;
        if (wanted > PROXY_BODY_BUFFER_BYTES) return held.refuse(TOO_LARGE);
        // Pieces are copied: many small ones would hold far more memory than their bytes.
        const fitting = held.room - bytes;
        const last = held.blocks.at(-1);
        if (last) piece.copy(last, last.length - fitting);
        bytes = wanted;
        if (piece.length <= fitting) return;
        const most = Number(announced ?? PROXY_BODY_BUFFER_BYTES) - held.room;
        const block = Buffer.allocUnsafeSlow(Math.min(Math.max(piece.length - fitting, held.room), most));
        piece.copy(block, 0, fitting);
        held.blocks.push(block);
        held.room += block.length;
        this.#makeRoom();
      };
      held.refuse = (why) => {
        incoming.off("data", take);
        held.blocks = [];
        this.#held_bodies.delete(held);
        resolve(why);
      };
      incoming.on("data", take);
      const end = () => {
        held.refuse = () => {};
        resolve(Buffer.concat(held.blocks, bytes));
        held.blocks = [];
      };
      incoming.once("end", end).once("close", end);
    });
  }

  /** While there is too little of it, the largest body that is still arriving gives its room up: small ones always find some. */
  #makeRoom(): void {
    const room = () => [...this.#held_bodies].reduce((sum, held) => sum + held.room, 0);
    if (room() <= PROXY_BODIES_BYTES_MAX) return;
    for (const held of [...this.#held_bodies].toSorted((a, b) => b.room - a.room)) {
      held.refuse(CROWDED);
      if (room() <= PROXY_BODIES_BYTES_MAX) return;
    }
  }

  #pick(incoming: IncomingMessage): { socket: string; path: string } | "unknown peer" | null {
    const path = incoming.url ?? "/";
    if (path.startsWith("/__peer/")) {
      const [, , name = "", ...rest] = path.split("/");
      const socket = this.#peers.get(name);
      return socket === undefined ? "unknown peer" : { socket, path: `/${rest.join("/")}` };
    }
    const wanted = overriddenVersions(incoming.headers[OVERRIDES]);
    const overridden = this.#targets.find(({ name }) => wanted.has(name));
    if (overridden) return { socket: overridden.socket, path };
    let ticket = this.#random() * 100;
    for (const target of this.#targets) {
      ticket -= target.percentage;
      if (ticket < 0) return { socket: target.socket, path };
    }
    const last = this.#targets.at(-1);
    return last ? { socket: last.socket, path } : null;
  }
}

/** The entries of a dictionary header (RFC 8941 §3.2) whose values are strings, as `<script>--<version id>`. */
function overriddenVersions(header: string | string[] | undefined): ReadonlySet<string> {
  const text = header === undefined ? "" : [header].flat().join(",");
  return new Set([...text.matchAll(/(?<![\w-])([a-z][\w-]*)="([^"]*)"/g)].map(([, script, id]) => `${script}--${id}`));
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1; Node throws for some of them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set(
  "connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split(" "),
);

/** Without what is said of the connection that they came by, which is nobody else's business: HTTP/1.0 knows no chunks. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? "").toLowerCase().split(/[\s,]+/));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)));
}

function refuse(outgoing: ServerResponse, { status, detail }: Refusal): void {
  outgoing.writeHead(status, { "content-type": "application/problem+json", "retry-after": "1" });
  outgoing.end(
    JSON.stringify({
      type: "about:blank",
      title: status === 413 ? "Content Too Large" : "Unavailable",
      status,
      detail: `Local platform: ${detail}.`,
    }),
  );
}
