/**
 * Live tails, as `wrangler tail` opens them: an address for a websocket, which gets each trace that its filters let through.
 *
 * A session that nobody connects to ends; so does one whose time is over.
 */
import { randomUUID } from "node:crypto";
import type { WebSocket } from "ws";
import { z } from "zod";
import { TAIL_CLOSE_MAX_MS, TAIL_SESSION_MS, TAIL_SESSIONS_MAX } from "../limits.ts";
import { shiftTrace, type Trace, type TraceLine } from "./trace.ts";

/** Where the platform is reached: this machine alone. */
const OWN_ADDRESS = "127.0.0.1";

/** One of the filters that `POST …/tails` takes; all of them must let a trace through. */
export const tailFilter = z.union([
  z.strictObject({ sampling_rate: z.number().gt(0).lt(1) }),
  z.strictObject({ outcome: z.array(z.string()).min(1) }),
  z.strictObject({ method: z.array(z.string()).min(1) }),
  z.strictObject({ header: z.strictObject({ key: z.string().min(1), query: z.string().optional() }) }),
  z.strictObject({
    client_ip: z.array(z.string().transform((ip) => (ip === "self" ? OWN_ADDRESS : ip))).min(1),
  }),
  z.strictObject({ query: z.string().min(1) }),
  z.strictObject({ scriptVersion: z.string().min(1) }),
]);
type TailFilter = z.output<typeof tailFilter>;

interface TailSession {
  id: string;
  script_name: string;
  filters: TailFilter[];
  expires_ms: number;
  sockets: Set<WebSocket>;
}

export class TailSessions {
  readonly #sessions = new Map<string, TailSession>();
  readonly #now: () => number;
  readonly #random: () => number;

  constructor(now: () => number, random: () => number) {
    this.#now = now;
    this.#random = random;
  }

  /** Null where the script has as many as it may have. */
  open(script_name: string, filters: TailFilter[]): TailSession | null {
    if (this.of(script_name).length >= TAIL_SESSIONS_MAX) return null;
    const session = {
      id: randomUUID().replaceAll("-", ""),
      script_name,
      filters,
      expires_ms: this.#now() + TAIL_SESSION_MS,
      sockets: new Set<WebSocket>(),
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Those of a script that have not ended. */
  of(script_name: string): TailSession[] {
    for (const session of this.#sessions.values()) if (session.expires_ms <= this.#now()) this.end(session.id);
    return [...this.#sessions.values()].filter((session) => session.script_name === script_name);
  }

  /** False where there is none. */
  end(id: string): boolean {
    const session = this.#sessions.get(id);
    for (const socket of session?.sockets ?? []) {
      socket.close(1000);
      setTimeout(() => socket.terminate(), TAIL_CLOSE_MAX_MS).unref();
    }
    return this.#sessions.delete(id);
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** The socket gets what a session is told, until either ends. */
  watch(id: string, socket: WebSocket): void {
    const session = this.#sessions.get(id);
    if (!session) {
      socket.close();
      return;
    }
    session.sockets.add(socket);
    // A client that breaks off is gone; there is nobody to tell.
    socket.on("error", () => socket.terminate());
    socket.once("close", () => session.sockets.delete(socket));
  }

  /** Tells watchers of a trace. It is parsed only where somebody watches. */
  tell({ head, text }: TraceLine, offset_ms: number): void {
    if (this.#sessions.size === 0) return;
    const watched = this.of(head.script_name).filter(({ sockets }) => sockets.size > 0);
    if (watched.length === 0) return;
    const trace = shiftTrace(JSON.parse(text) as Trace, offset_ms);
    const message = JSON.stringify(tailMessage(trace));
    for (const { filters, sockets } of watched) {
      if (!filters.every((filter) => isLetThrough(trace, filter, this.#random))) continue;
      for (const socket of sockets) socket.send(message);
    }
  }

  close(): void {
    for (const id of this.#sessions.keys()) this.end(id);
  }
}

function isLetThrough({ event, logs, exceptions, ...trace }: Trace, filter: TailFilter, random: () => number): boolean {
  if ("sampling_rate" in filter) return random() < filter.sampling_rate;
  if ("outcome" in filter) return filter.outcome.includes(trace.outcome);
  if ("scriptVersion" in filter) return trace.version_id === filter.scriptVersion;
  if ("query" in filter) {
    const texts = [...logs.flatMap(({ message }) => message), ...exceptions.map(({ message }) => message)];
    return texts.some((text) => (typeof text === "string" ? text : JSON.stringify(text)).includes(filter.query));
  }
  // What follows is about a request, which not every invocation has.
  if (!event?.request) return false;
  const { method, headers } = event.request;
  if ("method" in filter) return filter.method.some((one) => one.toUpperCase() === method);
  if ("client_ip" in filter) return filter.client_ip.includes(headers["cf-connecting-ip"] ?? "");
  const { key, query } = filter.header;
  const found = headers[key.toLowerCase()];
  return found?.includes(query ?? "") ?? false;
}

/** What a tail is sent of a trace: as a Tail Worker gets it. */
function tailMessage(trace: Trace) {
  const { script_name, version_id, begun_ms, ended_ms, id: _, ...shown } = trace;
  return {
    ...shown,
    wallTime: ended_ms - begun_ms,
    // workerd does not measure it.
    cpuTime: 0,
    scriptName: script_name,
    scriptVersion: { id: version_id },
    eventTimestamp: begun_ms,
  };
}
