/**
 * R2's S3 API on this machine.
 *
 * A Node handler and no Hono app: URL parsers resolve `..`, which keys may hold, and bodies stream without a copy.
 * A request is addressed, authenticated, routed; its body is only read once it is known who sent it. Objects go through
 * the engine's R2 buckets, so the Worker and S3 clients see the same data. `platform.ts` composes it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { parseAddress, parseCopySource } from "./address.ts";
import { newRequestId, type S3Answer, type S3Engine, type S3Platform } from "./exchange.ts";
import { operationFor } from "./operations.ts";
import { Payload } from "./payload.ts";
import { refuseUnlessAllowed } from "./rights.ts";
import { toS3Error } from "./s3-error.ts";
import { authenticate, type Credentials } from "./sigv4.ts";
import type { UploadLedger } from "./upload-ledger.ts";
import { xmlError } from "./xml.ts";

interface S3Dependencies {
  engine: S3Engine;
  uploads: UploadLedger;
  /** Keys that may sign requests now; each may do what its token may (`rights.ts`). */
  credentials: () => Credentials[];
  /** The clock that clients sign by, in ms since the epoch: real time even when the platform's is simulated. */
  now: () => number;
}

/**
 * The S3 API as a handler for `http.createServer`. The server's `requestTimeout` should be 0: a large upload takes longer
 * than the five minutes that Node allows.
 */
export function s3Api(dependencies: S3Dependencies): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const request_id = newRequestId();
    answer(dependencies, request)
      .catch((error: unknown) => errorAnswer(error, request.url ?? "", request_id))
      .then((outcome) => send(response, outcome, request_id, request.method === "HEAD"))
      .then(() => dropRest(request))
      .catch((error: unknown) => {
        // The answer has begun, so breaking it off is all that can still say that something is wrong.
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      });
  };
}

async function answer({ engine, uploads, credentials, now }: S3Dependencies, request: IncomingMessage) {
  const { method = "", url = "", headers, headersDistinct } = request;
  const { bucket, key, path, query } = parseAddress(
    url,
    headers.host ?? "",
    (name) => engine.registry.get("r2", name) !== undefined,
  );
  const authenticated = authenticate({ method, path, query, headers: headersDistinct }, credentials(), now());
  const source = headers["x-amz-copy-source"];
  refuseUnlessAllowed(authenticated.scopes, {
    ...{ method, bucket, key },
    copied_from: source === undefined ? undefined : parseCopySource(String(source)).bucket,
    of_objects: query.has("delete") || query.has("uploads"),
  });
  const platform: S3Platform = { engine, uploads };
  const operation = operationFor(method, { bucket, key, query, headers });
  const payload = new Payload(request, authenticated);
  return operation(platform, { bucket, key, query, headers, payload });
}

/** What the client still sends is read and dropped, or the connection's next request would wait behind it. */
function dropRest(request: IncomingMessage) {
  if (request.complete) return;
  request.removeAllListeners("readable");
  request.resume();
}

function errorAnswer(error: unknown, resource: string, request_id: string): S3Answer {
  const { status, code, message } = toS3Error(error);
  const body = xmlError({
    Code: code,
    Message: message,
    Resource: resource.split("?")[0] ?? "",
    RequestId: request_id,
  });
  return { status, headers: { "content-type": "application/xml" }, body };
}

async function send(response: ServerResponse, outcome: S3Answer, request_id: string, bodiless: boolean) {
  const { status, headers = {}, body = "" } = outcome;
  response.writeHead(status, {
    ...(typeof body === "string" && !bodiless && status !== 204 && status !== 304
      ? { "content-length": Buffer.byteLength(body) }
      : {}),
    ...headers,
    "x-amz-request-id": request_id,
    server: "prism-local-r2",
  });
  if (typeof body === "string") response.end(bodiless ? undefined : body);
  else await pipeline(Readable.fromWeb(body as unknown as NodeReadableStream), response);
}
