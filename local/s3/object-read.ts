/** GetObject and HeadObject. */
import type { R2Object, R2Range } from "@cloudflare/workers-types";
import { bucketRecord, header, type Operation, type S3Answer, type S3Request } from "./exchange.ts";
import { headersOf, validators } from "./object-metadata.ts";
import { conditionsOf, evaluate, parseRange, resolveRange } from "./preconditions.ts";
import { S3Error } from "./s3-error.ts";

export const getObject: Operation = async (platform, request) => {
  bucketRecord(platform, request.bucket);
  const range = parseRange(header(request, "range"));
  const object = await (await platform.engine.r2(request.bucket)).get(request.key, range ? { range } : {});
  if (!object) throw noSuchKey();
  const body = object.body as unknown as ReadableStream<Uint8Array>;
  try {
    const answer = answerFor(request, object, range);
    if (answer.status !== 304) return { ...answer, body };
    await body.cancel();
    return answer;
  } catch (error) {
    await body.cancel();
    throw error;
  }
};

export const headObject: Operation = async (platform, request) => {
  bucketRecord(platform, request.bucket);
  const object = await (await platform.engine.r2(request.bucket)).head(request.key);
  if (!object) throw noSuchKey();
  return answerFor(request, object, parseRange(header(request, "range")));
};

/** The answer but for its body. Errors: PreconditionFailed, InvalidRange. */
function answerFor(request: S3Request, object: R2Object, range: R2Range | undefined): S3Answer {
  switch (evaluate(conditionsOf(request.headers), object)) {
    case "failed":
      throw preconditionFailed();
    case "not modified":
      return { status: 304, headers: validators(object) };
    case "send":
      break;
  }
  const headers = headersOf(object, request.query);
  if (!range) return { status: 200, headers: { ...headers, "content-length": String(object.size) } };
  const { first, last } = resolveRange(range, object.size);
  headers["content-length"] = String(last - first + 1);
  headers["content-range"] = `bytes ${first}-${last}/${object.size}`;
  return { status: 206, headers };
}

export function noSuchKey(): S3Error {
  return new S3Error("NoSuchKey", "The specified key does not exist.");
}

export function preconditionFailed(): S3Error {
  return new S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold.");
}
