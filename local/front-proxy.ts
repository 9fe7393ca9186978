/**
 * The front proxy owns the public port, so that a deployment, a restore or a rebuild never refuses a connection.
 *
 * workerd refuses connections for about 0.3 s while it reloads. The proxy outlives it: `hold` makes new requests
 * wait, `drained` resolves when the running ones are answered, `release` lets the waiting ones go. Hold time shows
 * as latency, never as an error. Weighted targets split traffic between versions.
 */
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PROXY_BODIES_BYTES_MAX, PROXY_BODY_BUFFER_BYTES, PROXY_HOLD_MAX_MS } from "./limits.ts";

interface ProxyTarget {
  /** Path of the Unix socket where the worker listens. */
  socket: string;
  /** Share of requests, 0–100. */
  percentage: number;
  /** Script and version that run there, as `<script>--<version id>`. */
  name: string;
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
  #held: Promise<void> | null = null;
  #release: () => void = () => {};
  #running = 0;
  /** Bytes of bodies that are not whole yet. */
  #arriving = 0;
  #onIdle: (() => void)[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
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
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
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
    this.#held ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = null;
    this.#release();
  }

  /** Resolves when no forwarded request is running. */
  async drained(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async close(): Promise<void> {
    this.release();
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await this.#readAhead(incoming);
    if (incoming.destroyed && !incoming.complete) return;
    if (!Buffer.isBuffer(body)) {
      // What still comes is read and dropped: a connection that is cut would take the answer along.
      incoming.resume();
      return refuse(outgoing, body.status, body.detail);
    }
    if (this.#held) {
      const timeout = new Promise((resolve) => setTimeout(resolve, PROXY_HOLD_MAX_MS, "timeout").unref());
      if ((await Promise.race([this.#held, timeout])) === "timeout") return refuse(outgoing, 503, "held for too long");
    }
    const target = this.#pick(incoming);
    if (!target) return refuse(outgoing, 503, "no worker is deployed");
    if (target === "unknown peer") return refuse(outgoing, 404, "there is no such peer");
    this.#running += 1;
    const finished = () => {
      this.#running -= 1;
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
        headers: { ...incoming.headers, "cf-connecting-ip": incoming.socket.remoteAddress ?? "127.0.0.1" },
      },
      (response) => {
        answer = response;
        // How long the worker keeps its connection to the proxy is nobody else's business.
        const { "keep-alive": _, ...headers } = response.headers;
        outgoing.writeHead(response.statusCode ?? 502, headers);
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
      if (!answer) refuse(outgoing, 502, "the worker closed the connection");
    });
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) upstream.destroy();
      // What the worker did not want to read still has to leave the caller's connection.
      incoming.resume();
    });
    upstream.end(body);
  }

  /**
   * The whole body, or why it is not taken.
   *
   * A worker that refuses a request without reading its body answers and closes. When the whole body is handed over in
   * one piece, libuv looks for that answer before it goes on writing; written piece by piece, the closed socket would be
   * met first and the answer lost.
   */
  async #readAhead(incoming: IncomingMessage): Promise<Buffer | { status: number; detail: string }> {
    const { headers } = incoming;
    const tooLarge = { status: 413, detail: `a body may have ${PROXY_BODY_BUFFER_BYTES} bytes` };
    if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return Buffer.alloc(0);
    if (Number(headers["content-length"] ?? 0) > PROXY_BODY_BUFFER_BYTES) return tooLarge;
    const pieces: Buffer[] = [];
    let bytes = 0;
    try {
      return await new Promise<Buffer | { status: number; detail: string }>((resolve) => {
        const take = (piece: Buffer) => {
          bytes += piece.length;
          this.#arriving += piece.length;
          pieces.push(piece);
          const isCrowded = this.#arriving > PROXY_BODIES_BYTES_MAX;
          if (bytes <= PROXY_BODY_BUFFER_BYTES && !isCrowded) return;
          incoming.off("data", take);
          resolve(isCrowded ? { status: 503, detail: "too many bodies are arriving at once" } : tooLarge);
        };
        incoming.on("data", take);
        const end = () => resolve(Buffer.concat(pieces));
        incoming.once("end", end).once("close", end);
      });
    } finally {
      this.#arriving -= bytes;
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
  return new Set([...text.matchAll(/([a-z][\w-]*)="([^"]*)"/g)].map(([, script, id]) => `${script}--${id}`));
}

function refuse(outgoing: ServerResponse, status: number, detail: string): void {
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
