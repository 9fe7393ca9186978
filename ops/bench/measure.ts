/**
 * Measuring HTTP requests: latency one after another, throughput with several at once, CPU of a process.
 *
 * Uses node:http with kept connections rather than fetch: on two cores the client's own time is part of what is
 * measured, for the peers as for the service.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { OpsError } from "../command/errors.ts";

/** Clock ticks a second in /proc/<pid>/stat (USER_HZ); 100 on every Linux that Node supports. */
const TICK_MS = 10;

export interface Shot {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

export interface Gun {
  /** Sends one request, reads the whole answer; milliseconds. Throws on any status but 200. */
  fire(shot: Shot): Promise<number>;
  close(): void;
}

/** A client that keeps its connections; `token` goes with every request. */
export function createGun(origin: string, token: string): Gun {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(origin);
  const fire = ({ method, path, body, headers: own }: Shot): Promise<number> =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${token}`,
        ...own,
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      };
      const started_ms = performance.now();
      const outgoing = request({ agent, hostname, port, method, path, headers }, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.once("error", reject);
        response.once("end", () => {
          const elapsed_ms = performance.now() - started_ms;
          if (response.statusCode === 200) return resolve(elapsed_ms);
          const said = Buffer.concat(pieces).toString().slice(0, 300);
          reject(
            new OpsError({
              op: `measure ${method}`,
              subject: path,
              cause: `answered ${response.statusCode}: ${said}`,
              hint: "a bench counts only good answers; see whether the request works alone",
            }),
          );
        });
      });
      outgoing.once("error", reject);
      outgoing.setNoDelay(true);
      outgoing.end(payload);
    });
  return { fire, close: () => agent.destroy() };
}

/** Latencies of the shots, one after another. */
export async function fireInTurn(gun: Gun, shots: readonly Shot[]): Promise<number[]> {
  const latencies_ms: number[] = [];
  for (const shot of shots) latencies_ms.push(await gun.fire(shot));
  return latencies_ms;
}

/** Milliseconds that all shots take with `concurrency` of them under way at any time. */
export async function fireTogether(gun: Gun, shots: readonly Shot[], concurrency: number): Promise<number> {
  const started_ms = performance.now();
  const waiting = shots.values();
  const shooter = async (): Promise<void> => {
    for (const shot of waiting) await gun.fire(shot);
  };
  await Promise.all(Array.from({ length: concurrency }, shooter));
  return performance.now() - started_ms;
}

/** User and system time a process has used so far, all threads; null where there is no /proc. */
export function processCpu_ms(pid: number | null): number | null {
  if (pid === null) return null;
  try {
    // The second field is the command in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return null;
  }
}
