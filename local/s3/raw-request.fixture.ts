/** For tests: requests as exact bytes on the wire, signed by a library that is not ours. */
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";
import { CREDENTIALS } from "./s3-server.fixture.ts";

type SourceData = string | ArrayBuffer | ArrayBufferView;

/** The library leaves the hash to its user. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret));
  }

  update(data: SourceData): void {
    this.#hash.update(bytes(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error("not used by the signer");
  }
}
const bytes = (data: SourceData) =>
  typeof data === "string"
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data);
export const signer = new SignatureV4({
  credentials: CREDENTIALS,
  region: "auto",
  service: "s3",
  uriEscapePath: false,
  sha256: Sha256,
});
export const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
/** As in `x-amz-date`. */
export const longDate = (date: Date) => date.toISOString().replace(/[-:]|\.\d+/g, "");

/** Sends exactly these bytes; `code` is that of the XML error. */
function send(port: number, method: string, path: string, headers: Record<string, string>, body: Buffer | string = "") {
  return new Promise<{
    status: number;
    code: string | undefined;
    text: string;
    headers: NodeJS.Dict<string | string[]>;
  }>((resolve, reject) => {
    const request = httpRequest(
      {
        host: "127.0.0.1",
        port,
        method,
        path,
        headers: { "content-length": String(body.length), ...headers },
      },
      async (response) => {
        let text = "";
        for await (const piece of response.setEncoding("utf8")) text += piece;
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, code, text, headers: response.headers });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Headers of a request signed by a library that is not ours. */
async function signed(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  signingDate = new Date(),
) {
  const host = `127.0.0.1:${port}`;
  const unsigned = { method, path, protocol: "http:", hostname: host, query: {}, headers: { host, ...headers } };
  return (await signer.sign(unsigned, { signingDate })).headers;
}

async function presigned(port: number, method: string, path: string, signingDate: Date, expiresIn: number, query = {}) {
  const host = `127.0.0.1:${port}`;
  const plain = {
    method,
    path,
    protocol: "http:",
    hostname: host,
    query,
    headers: { host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
  };
  const { query: full } = await signer.presign(plain, { signingDate, expiresIn });
  return `${path}?${Object.entries(full ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&")}`;
}

type Tail<F extends (...all: never[]) => unknown> = Parameters<F> extends [unknown, ...infer Rest] ? Rest : never;

/** The same to one server, whose port is known once it runs. */
export const rawRequests = (port: () => number) => ({
  send: (...request: Tail<typeof send>) => send(port(), ...request),
  signed: (...request: Tail<typeof signed>) => signed(port(), ...request),
  presigned: (...request: Tail<typeof presigned>) => presigned(port(), ...request),
});
