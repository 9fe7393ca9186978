/**
 * Signed requests to an S3-compatible store, one try each.
 *
 * The official client is not used here: to load it and to go through its layers was a fifth of what a small backup costs (measured), for six
 * requests out of its hundred.
 */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, RequestOptions } from "node:http";
import { urlToHttpOptions } from "node:url";
import { parseXML } from "@aws-sdk/xml-builder";
import aws4 from "aws4";
import { STORAGE_SOCKETS_MAX } from "../limits.ts";

export interface S3Place {
  endpoint: string;
  bucket: string;
  /** Ends in `/`, or is empty: the repository is the bucket. */
  prefix: string;
  credentials: { access_key_id: string; secret_access_key: string };
  /** That requests are signed for; `auto`, R2's, without one. Where the server wants another and says which, that one is taken. */
  region?: string;
}

export interface S3Request {
  method: "GET" | "HEAD" | "PUT" | "DELETE";
  /** In the bucket, as it is; undefined: the bucket itself. */
  key?: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: Uint8Array;
}

interface S3Answer {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** The server answered, and not with success. */
export class S3Refusal extends Error {
  readonly status: number;
  /** `NoSuchBucket` and the like; `HTTP 404` where the answer has no body that says so. */
  readonly code: string;
  readonly headers: IncomingHttpHeaders;
  /** The region that the server wants requests to be signed for, where it says which. */
  readonly wanted_region: string | undefined;

  constructor(status: number, { headers, body }: S3Answer) {
    const { Code, Message, Region } = fieldsOf(body);
    super(Message ?? "");
    this.status = status;
    this.code = Code ?? `HTTP ${status}`;
    this.headers = headers;
    const header = headers["x-amz-bucket-region"];
    this.wanted_region = [301, 400, 403].includes(status)
      ? (Region ?? header?.toString() ?? /expecting '([\w-]+)'/.exec(this.message)?.[1])
      : undefined;
  }
}

interface S3Wire {
  /** @throws S3Refusal, and what breaks on the way. */
  send(request: S3Request, signal: AbortSignal): Promise<S3Answer>;
  close(): void;
}

/** `close` ends its connections. */
export function s3Wire({ endpoint, bucket, credentials, region: named = "auto" }: S3Place): S3Wire {
  const { protocol, host, pathname } = new URL(endpoint);
  const { hostname, port } = urlToHttpOptions(new URL(endpoint));
  const path = `${pathname.replace(/\/$/, "")}/${bucket}/`;
  const owner = { accessKeyId: credentials.access_key_id, secretAccessKey: credentials.secret_access_key };
  let region = named;
  // Loaded when something is asked: commands that could reach a storage are more than those that do.
  const connect = async () => {
    const { Agent, request } = await (protocol === "https:" ? import("node:https") : import("node:http"));
    return { request, agent: new Agent({ keepAlive: true, maxSockets: STORAGE_SOCKETS_MAX }) };
  };
  let connection: ReturnType<typeof connect> | null = null;

  const once = async (asked: S3Request, signal: AbortSignal): Promise<S3Answer> => {
    connection ??= connect();
    const { request, agent } = await connection;
    signal.throwIfAborted();
    const { method, key = "", query = {}, body } = asked;
    const headers = {
      host,
      ...asked.headers,
      ...(body && { "content-length": String(body.byteLength) }),
      // The server compares what arrives with it.
      "x-amz-content-sha256": createHash("sha256")
        .update(body ?? "")
        .digest("hex"),
    };
    const search = Object.entries(query).map(([name, value]) => `${name}=${escaped(value)}`);
    const target = `${path}${key.split("/").map(escaped).join("/")}${search.length > 0 ? `?${search.join("&")}` : ""}`;
    const signed = aws4.sign({ service: "s3", region, method, path: target, headers }, owner);
    const options: RequestOptions = { agent, hostname, port, method, path: target, signal };
    return await new Promise((resolve, reject) => {
      const outgoing = request({ ...options, headers: signed.headers }, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        // Where it breaks off.
        response.on("error", reject);
        response.once("end", () => {
          const answer = { headers: response.headers, body: Buffer.concat(pieces) };
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(answer);
          else reject(new S3Refusal(status, answer));
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  };

  return {
    async send(asked, signal) {
      const signed_for = region;
      try {
        return await once(asked, signal);
      } catch (error) {
        const wanted = error instanceof S3Refusal ? error.wanted_region : undefined;
        if (wanted === undefined || wanted === signed_for) throw error;
        // A signature is looked at before anything is done.
        region = wanted;
        return await once(asked, signal);
      }
    },
    close: () => void connection?.then(({ agent }) => agent.destroy()),
  };
}

/** As a signature has it (RFC 3986, unreserved characters only). */
function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What is in the root element of an answer. @throws Error for anything but a whole XML document. */
export function rootOf(body: Buffer): Record<string, unknown> {
  const document: unknown = parseXML(body.toString());
  const [root] = document !== null && typeof document === "object" ? Object.values(document) : [];
  if (root === null || typeof root !== "object") throw new Error("the answer is no XML document");
  return root as Record<string, unknown>;
}

/** The texts in the body of an error; none where it is no XML. */
function fieldsOf(body: Buffer): Record<string, string | undefined> {
  try {
    const texts = Object.entries(rootOf(body)).filter(([, value]) => typeof value === "string");
    return Object.fromEntries(texts) as Record<string, string>;
  } catch {
    return {};
  }
}
