/**
 * For tests: an HTTP wire between a client and a service that can fail in every way a wire fails, without either knowing.
 * The Host header passes unchanged, so signatures hold.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export type Fault =
  /** Answers itself; the service hears nothing. */
  | { kind: "answer"; status: number; headers?: Record<string, string>; body?: string }
  /** Breaks off before the service hears anything. */
  | { kind: "reset" }
  /** The service gets half of the body, then nothing. */
  | { kind: "half" }
  /** The service does it; the client never learns. */
  | { kind: "lose_answer" }
  /** The client gets half of the answer's body. */
  | { kind: "short_answer" }
  | { kind: "hang" };

export interface Passing {
  method: string;
  path: string;
  /** Of the signature; empty without one. */
  authorization: string;
  body_bytes: number;
  body: Uint8Array;
}

export interface Wire {
  url: string;
  close(): Promise<void>;
}

/**
 * A wire to `target` (`http://host:port`). `judge` decides about each request when it has arrived whole; `at_fault` runs at
 * the moment of the fault, before the client can notice anything.
 */
export async function startWire(
  target: string,
  judge: (passing: Passing) => Fault | null,
  at_fault: (fault: Fault) => Promise<void> = async () => {},
): Promise<Wire> {
  const { hostname, port } = new URL(target);
  const send = (from: IncomingMessage, body: Buffer, bytes: number) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const { method = "GET", url = "/", headers } = from;
      const onward = request({ hostname, port, method, path: url, headers, agent: false });
      onward.on("response", resolve).on("error", reject);
      if (bytes === body.byteLength) onward.end(body);
      else {
        // Without an end the service waits for the rest until the connection breaks.
        onward.write(body.subarray(0, bytes), () => {
          onward.destroy();
          reject(new Error("cut"));
        });
      }
    });

  const serve = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const body = await buffer(from);
    const { method = "GET", url = "/", headers } = from;
    const { authorization = "" } = headers;
    const fault = judge({ method, path: url, authorization, body_bytes: body.byteLength, body });
    const fail = async (): Promise<void> => {
      if (fault) await at_fault(fault);
    };
    switch (fault?.kind) {
      case "answer":
        await fail();
        to.writeHead(fault.status, fault.headers).end(fault.body ?? "");
        return;
      case "hang":
        await fail();
        return;
      case "reset":
        await fail();
        to.destroy();
        return;
      case "half":
        await send(from, body, Math.floor(body.byteLength / 2)).catch(() => {});
        await fail();
        to.destroy();
        return;
    }
    const answer = await send(from, body, body.byteLength);
    const content = await buffer(answer);
    if (fault?.kind === "lose_answer") {
      await fail();
      to.destroy();
      return;
    }
    to.writeHead(answer.statusCode ?? 502, answer.headers);
    if (fault?.kind === "short_answer" && content.byteLength > 1) {
      await fail();
      to.write(content.subarray(0, content.byteLength / 2), () => to.destroy());
    } else to.end(content);
  };

  const server = createServer((from, to) => {
    // A client that was killed takes its connection with it.
    serve(from, to).catch(() => to.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
