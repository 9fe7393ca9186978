/**
 * An `R2Bucket` for Node whose calls go to `r2-gateway-worker.js` in workerd. The engine makes one per use; the S3
 * and REST faces see only the official interface.
 */
import type {
  R2Bucket,
  R2GetOptions,
  R2HTTPMetadata,
  R2ListOptions,
  R2MultipartOptions,
  R2MultipartUpload,
  R2Object,
  R2ObjectBody,
  R2Objects,
  R2PutOptions,
  R2Range,
  R2UploadedPart,
} from "@cloudflare/workers-types";

/** How the gateway Worker is reached. */
export type GatewayFetch = (
  url: string,
  init: { method: "POST"; headers?: Record<string, string>; body: BodyInit; duplex?: "half" },
) => Promise<Response>;

/**
 * Reaches the gateway by the direct socket that miniflare opened for it at `origin`; `secret` is its `GATEWAY_SECRET`.
 * Miniflare's own `getWorker(name).fetch` works as well but keeps every body that it sends whole in memory.
 */
export function directGateway(origin: URL, secret: string): GatewayFetch {
  return (url, init) => {
    const { pathname, search } = new URL(url);
    return fetch(new URL(pathname + search, origin), {
      ...init,
      headers: { ...init.headers, "x-gateway-secret": secret },
      // Otherwise fetch keeps a second copy of the whole body, in case it is asked to send it again.
      redirect: "error",
      window: null,
    } as RequestInit);
  };
}

/** Node's marker for streams whose length is known, which R2 needs before it takes one. */
const LENGTH = Symbol("length in bytes");

/** Says how long a stream is, so that `put` and `uploadPart` can send it without holding it. */
export function withLength<S extends ReadableStream<Uint8Array>>(stream: S, length_bytes: number): S {
  return Object.assign(stream, { [LENGTH]: length_bytes });
}

interface Description {
  key: string;
  version: string;
  size: number;
  etag: string;
  httpEtag: string;
  uploaded_ms: number;
  checksums: Record<string, string>;
  httpMetadata: Omit<R2HTTPMetadata, "cacheExpiry"> & { cacheExpiry?: number };
  customMetadata?: Record<string, string>;
  range?: R2Range;
  storageClass: string;
}

/**
 * The bucket bound as `binding` in the gateway Worker. A stream given to `put` or `uploadPart` must carry its length
 * (`withLength`). Errors carry R2's message with its code in brackets, as the binding's do.
 */
export function gatewayBucket(fetch: GatewayFetch, binding: string): R2Bucket {
  const send = async (
    operation: string,
    init: { headers?: Record<string, string>; body: BodyInit; duplex?: "half" },
  ) => {
    const url = `http://r2-gateway/${operation}?binding=${encodeURIComponent(binding)}`;
    const response = await fetch(url, { method: "POST", ...init });
    if (response.status !== 200) throw new Error(((await response.json()) as { error: string }).error);
    return response;
  };
  const call = async (operation: string, input: unknown): Promise<unknown> =>
    (await send(operation, { body: JSON.stringify(input) })).json();
  const upload = async (operation: string, input: unknown, content: unknown): Promise<unknown> => {
    const headers: Record<string, string> = { "x-r2-input": Buffer.from(JSON.stringify(input)).toString("base64") };
    if (!(content instanceof ReadableStream)) {
      // A string or buffer states its own length.
      return (await send(operation, { headers, body: (content ?? "") as BodyInit })).json();
    }
    const length_bytes = (content as { [LENGTH]?: number })[LENGTH];
    if (length_bytes === undefined)
      throw new TypeError("Provided readable stream must have a known length: mark it with withLength()");
    headers["content-length"] = String(length_bytes);
    return (await send(operation, { headers, body: content, duplex: "half" })).json();
  };

  const multipart = (key: string, uploadId: string): R2MultipartUpload => ({
    key,
    uploadId,
    uploadPart: async (partNumber, value) =>
      (await upload("uploadPart", { key, uploadId, partNumber }, value)) as R2UploadedPart,
    abort: async () => {
      await call("abort", { key, uploadId });
    },
    complete: async (parts) => object((await call("complete", { key, uploadId, parts })) as Description),
  });

  const bucket = {
    head: async (key: string) => maybe((await call("head", { key })) as Description | null),
    get: async (key: string, options?: R2GetOptions) => {
      const response = await send("get", { body: JSON.stringify({ key, options: mark(options) }) });
      const size = response.headers.get("x-r2-description-bytes");
      if (size === null || response.body === null) return maybe((await response.json()) as Description | null);
      const [description, content] = await splitPrefix(response.body, Number(size));
      return objectBody(JSON.parse(new TextDecoder().decode(description)) as Description, content);
    },
    put: async (key: string, value: unknown, options?: R2PutOptions) =>
      maybe((await upload("put", { key, options: mark(options) }, value)) as Description | null),
    createMultipartUpload: async (key: string, options?: R2MultipartOptions) => {
      const { uploadId } = (await call("createMultipartUpload", { key, options: mark(options) })) as R2MultipartUpload;
      return multipart(key, uploadId);
    },
    resumeMultipartUpload: multipart,
    delete: async (keys: string | string[]) => {
      await call("delete", { keys });
    },
    list: async (options?: R2ListOptions) => {
      const page = (await call("list", { options })) as { objects: Description[] };
      return { ...page, objects: page.objects.map(object) } as R2Objects;
    },
  };
  return bucket as unknown as R2Bucket;
}

/** The counterpart of the Worker's `revive`. */
function mark(value: unknown): unknown {
  if (value instanceof Headers) return { $headers: [...value] };
  if (value instanceof Date) return { $date_ms: value.getTime() };
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("hex");
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mark(member)]));
}

function maybe(description: Description | null): R2Object | null {
  return description === null ? null : object(description);
}

function object({ uploaded_ms, checksums, httpMetadata, ...rest }: Description): R2Object {
  const { cacheExpiry, ...fields } = httpMetadata;
  const metadata: R2HTTPMetadata = {
    ...fields,
    ...(cacheExpiry === undefined ? {} : { cacheExpiry: new Date(cacheExpiry) }),
  };
  const digests = Object.entries(checksums).map(([name, hex]) => [
    name,
    new Uint8Array(Buffer.from(hex, "hex")).buffer,
  ]);
  return {
    ...rest,
    uploaded: new Date(uploaded_ms),
    httpMetadata: metadata,
    checksums: { ...Object.fromEntries(digests), toJSON: () => checksums },
    writeHttpMetadata: (headers) => {
      for (const [name, value] of httpHeaders(metadata)) headers.set(name, value);
    },
  };
}

/** Metadata that is the text of a header; beside it, `cacheExpiry` is a date. */
export const TEXT_HEADERS = {
  contentType: "content-type",
  contentLanguage: "content-language",
  contentDisposition: "content-disposition",
  contentEncoding: "content-encoding",
  cacheControl: "cache-control",
} as const;

/** Those of them that `metadata` gives, in lower case. */
export function textHeaders(metadata: R2HTTPMetadata | undefined): [string, string][] {
  return Object.entries(TEXT_HEADERS).flatMap(([field, name]): [string, string][] => {
    const value = metadata?.[field as keyof typeof TEXT_HEADERS];
    return value === undefined ? [] : [[name, value]];
  });
}

/** The HTTP headers that an object's metadata stands for, in lower case. */
export function httpHeaders(metadata: R2HTTPMetadata | undefined): [string, string][] {
  const expires = metadata?.cacheExpiry?.toUTCString();
  return [...textHeaders(metadata), ...(expires === undefined ? [] : [["expires", expires] as [string, string]])];
}

function objectBody(description: Description, content: ReadableStream<Uint8Array>): R2ObjectBody {
  const response = new Response(content as BodyInit);
  const body = {
    ...object(description),
    body: content,
    get bodyUsed() {
      return response.bodyUsed;
    },
    arrayBuffer: () => response.arrayBuffer(),
    bytes: () => response.bytes(),
    text: () => response.text(),
    json: () => response.json(),
    blob: () => response.blob(),
  };
  return body as unknown as R2ObjectBody;
}

/** The first `size` bytes of a stream and the stream of the rest. */
async function splitPrefix(
  stream: ReadableStream<Uint8Array>,
  size: number,
): Promise<[Uint8Array, ReadableStream<Uint8Array>]> {
  const reader = stream.getReader();
  let head = Buffer.alloc(0);
  while (head.byteLength < size) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the R2 gateway's answer ended inside its description");
    head = Buffer.concat([head, value]);
  }
  const surplus = head.subarray(size);
  const rest = new ReadableStream<Uint8Array>({
    start(controller) {
      if (surplus.byteLength > 0) controller.enqueue(surplus);
    },
    async pull(controller) {
      const { value, done } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return [head.subarray(0, size), rest];
}
