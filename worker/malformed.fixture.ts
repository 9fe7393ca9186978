/** Malformed requests for `malformed.test.ts`: valid ones of each operation with one defect put into them. */
import fc from "fast-check";
import { badCredentials, evilText, junkHeaders, oddSegment, outOfRange, wrongValue } from "./hostile-values.fixture.ts";
import type { Operation } from "./operation.fixture.ts";

export interface Sent {
  defect: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | null;
  /** A question or a page query may happen to be valid; everything else here must be refused. */
  may_succeed: boolean;
}

/** Fields for which ten million is in range. */
const MAY_BE_LARGE = new Set(["daily_quota", "duration_ms"]);
const JSON_TYPE = "application/json";

/** Each defect makes a request of an operation wrong in one way, or is absent where it does not apply. */
export const DEFECTS: Record<string, (operation: Operation) => fc.Arbitrary<Partial<Sent>> | null> = {
  "wrong type": withBody(({ valid }) =>
    fc
      .tuple(fc.constantFrom(...Object.keys(valid)), wrongValue)
      .map(([field, value]) => ({ ...valid, [field]: value })),
  ),
  "out of range": withBody(({ valid }) => {
    const scalars = Object.keys(valid).filter((name) => typeof valid[name] !== "object");
    if (scalars.length === 0) return null;
    return fc
      .tuple(fc.constantFrom(...scalars), outOfRange)
      .map(([field, value]) => ({ ...valid, [field]: MAY_BE_LARGE.has(field) ? -Math.abs(value) : value }));
  }),
  "unknown field": withBody(({ valid }) =>
    fc
      .tuple(
        fc.constantFrom("__proto__", "constructor", "tenant", "toString", "", "query ", "ｑｕｅｒｙ"),
        fc.jsonValue(),
      )
      .map(([field, value]) =>
        JSON.stringify(valid).replace(/\}$/, `,${JSON.stringify(field)}:${JSON.stringify(value)}}`),
      ),
  ),
  "unstorable text": withBody(({ valid }) => {
    const texts = Object.keys(valid).filter((name) => typeof valid[name] === "string");
    if (texts.length === 0) return null;
    return fc
      .tuple(fc.constantFrom(...texts), fc.constantFrom("\\u0000", "\\ud800", "a\\udc00b"))
      .map(([field, text]) => JSON.stringify({ ...valid, [field]: "@" }).replace('"@"', `"${text}"`));
  }),
  "no object at all": withBody(() =>
    fc.jsonValue().map((value) => JSON.stringify(typeof value === "object" && value ? [value] : value)),
  ),
  "truncated JSON": withBody(({ valid }) => {
    const text = JSON.stringify(valid);
    return fc.nat(text.length - 1).map((end) => text.slice(0, end));
  }),
  "JSON with something after it": withBody(({ valid }) =>
    fc.constantFrom("}", ",", "{}", "//", "\u0000", "x").map((rest) => JSON.stringify(valid) + rest),
  ),
  "no JSON": withBody(() =>
    fc.constantFrom("{'a':1}", "{a:1}", "NaN", "[1,]", "<xml/>", "a=b", "\u0000", '{"a":01}', "﻿﻿{}"),
  ),
  "key twice": withBody(({ valid }) => {
    const [field = ""] = Object.keys(valid);
    return fc
      .constantFrom(JSON.stringify(field), `"\\u${field.charCodeAt(0).toString(16).padStart(4, "0")}${field.slice(1)}"`)
      .map((key) => JSON.stringify(valid).replace(/^\{/, `{${key}:1,`));
  }),
  "deep nesting": withBody(({ valid }) =>
    fc
      .tuple(fc.integer({ min: 33, max: 50_000 }), fc.constantFrom("[]", "{}"))
      .map(([depth, [open = "", close = ""]]) => {
        const deep =
          open === "[" ? "[".repeat(depth) + close.repeat(depth) : `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
        return JSON.stringify(valid).replace(/\}$/, `,"deep":${deep}}`);
      }),
  ),
  "broken UTF-8": withBody(({ valid }) => {
    const bytes = Buffer.from(JSON.stringify(valid));
    return fc
      .tuple(fc.nat(bytes.length), fc.constantFrom([0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x80], [0xf5, 0x80]))
      .map(([at, bad]) => Buffer.concat([bytes.subarray(0, at), Buffer.from(bad), bytes.subarray(at)]));
  }),
  "too large": withBody(({ method, path, valid }) =>
    path.endsWith("/batch")
      ? fc.constant({ documents: Array.from({ length: 1_001 }, (_, id) => ({ id: String(id), text: "x" })) })
      : fc.constant(
          method === "PUT" ? { ...valid, text: "x".repeat(1_100_000) } : { ...valid, pad: "x".repeat(1_100_000) },
        ),
  ),
  "wrong content type": (operation) =>
    operation.valid &&
    fc
      .constantFrom(
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=utf-16",
        "json",
        "*/*",
      )
      // Where files are taken, anything is a text.
      .filter((type) => type !== "text/plain" || !operation.media_types.includes(type))
      .map((type) => ({ body: Buffer.from(JSON.stringify(operation.valid)), headers: { "content-type": type } })),
  compressed: (operation) =>
    operation.valid &&
    fc.constantFrom("gzip", "br", "x, identity").map((encoding) => ({
      body: Buffer.from(JSON.stringify(operation.valid)),
      headers: { "content-type": JSON_TYPE, "content-encoding": encoding },
    })),
  "no body": (operation) => (operation.needs_body ? fc.constant({ body: null }) : null),
  "bad If-Match": ({ method, valid, path }) =>
    path === "/api/v1/documents/{id}" && method !== "GET"
      ? fc
          .constantFrom('"999"', 'W/"1"', "abc", '"', '"-1"', '"1e0"', '"1", "2"', `"${"9".repeat(30)}"`)
          .map((tag) => ({
            body: valid && Buffer.from(JSON.stringify(valid)),
            headers: { ...(valid ? { "content-type": JSON_TYPE } : {}), "if-match": tag },
          }))
      : null,
  "bad Idempotency-Key": ({ method, path, valid }) =>
    method === "POST" && valid && /documents|keys/.test(path)
      ? fc.constantFrom("a b", "k".repeat(129), "\u00e9", "").map((key) => ({
          body: Buffer.from(JSON.stringify({ ...valid, ...(key === "" ? { pad: 1 } : {}) })),
          headers: { "content-type": JSON_TYPE, "idempotency-key": key },
        }))
      : null,
  "wrong method": ({ existing, methods }) =>
    fc
      .constantFrom("PROPFIND", "TRACE", "QUERY", "PATCH", "PUT", "DELETE", "POST")
      .filter((method) => !methods.includes(method))
      .map((method) => ({ method, path: existing, body: null })),
  "odd id": ({ path }) =>
    path.includes("{id}")
      ? fc
          .oneof(
            oddSegment,
            evilText.map((text) => encodeURIComponent(text)),
          )
          .map((segment) => ({
            path: path.replace("{id}", () => segment),
            body: Buffer.from("{}"),
            headers: { "content-type": JSON_TYPE },
          }))
      : null,
  "odd path": ({ existing, path }) =>
    path === "/"
      ? null
      : fc
          .tuple(oddSegment, fc.constantFrom("/%s", "//%s", "/.%s", ";%s", "%00%s", "/%s/%s"))
          .map(([segment, pattern]) => ({ path: existing + pattern.replaceAll("%s", () => segment), body: null })),
  "unknown query": ({ strict_query, valid, open }) =>
    strict_query && !open
      ? fc
          .constantFrom(
            "debug=2",
            "debug=",
            "limit=-1",
            "limit=1e9",
            "limit=%00",
            "limit=1&limit=2",
            "%00=1",
            "__proto__=1",
            "a[]=1",
            "cursor[$gt]=1",
          )
          .map((query) => ({ path: `?${query}`, body: valid && Buffer.from(JSON.stringify(valid)) }))
      : null,
  "no valid credential": ({ open, valid }) =>
    open
      ? null
      : badCredentials.map((authorization) => ({
          body: valid && Buffer.from(JSON.stringify(valid)),
          headers: { ...(valid ? { "content-type": JSON_TYPE } : {}), authorization },
        })),
  "query language in a question": ({ path }) => {
    const field = { "/api/v1/search": "query", "/api/v1/chat": "message" }[path];
    return field === undefined
      ? null
      : fc
          .tuple(
            fc.oneof(evilText, fc.string({ unit: "binary" })),
            fc.boolean(),
            fc.subarray(["hybrid", "vector", "text"]),
          )
          .map(([text, stream, [mode]]) => ({
            body: Buffer.from(
              JSON.stringify({ [field]: text, ...(field === "query" ? mode && { mode } : { stream }) }),
            ),
            headers: { "content-type": JSON_TYPE },
            may_succeed: true,
          }));
  },
  "query language in a page query": ({ method, path }) =>
    method === "GET" && /documents$|keys$/.test(path)
      ? fc
          .tuple(fc.constantFrom("cursor", "collection", "limit"), fc.oneof(evilText, oddSegment))
          .map(([name, text]) => ({
            path: `?${name}=${encodeURIComponent(text.slice(0, 1_000))}`,
            may_succeed: true,
          }))
      : null,
  "junk headers": ({ method, valid }) => (method === "GET" && !valid ? fc.constant({ may_succeed: true }) : null),
};

/** A defect of the body: applies to operations that take one. */
function withBody(
  make: (operation: Operation & { valid: Record<string, unknown> }) => fc.Arbitrary<object | string | Buffer> | null,
): (operation: Operation) => fc.Arbitrary<Partial<Sent>> | null {
  return ({ valid, ...operation }) => {
    const bodies = valid && make({ ...operation, valid });
    if (!bodies) return null;
    return bodies.map((body) => ({
      body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
      headers: { "content-type": JSON_TYPE },
    }));
  };
}

/** Requests that must be refused (or, where `may_succeed`, may be answered); sent with `key` unless that is the defect. */
export function malformedRequests(operations: readonly Operation[], key: string): fc.Arbitrary<Sent> {
  const cases = operations.flatMap((operation) =>
    Object.entries(DEFECTS).flatMap(([defect, make]) => {
      const arbitrary = make(operation);
      return arbitrary ? [{ operation, defect, arbitrary }] : [];
    }),
  );
  // A megabyte takes longer than a hundred other requests.
  const large = cases.filter(({ defect }) => defect === "too large");
  const small = cases.filter(({ defect }) => defect !== "too large");
  const anyCase = fc.oneof(
    // By defect first: one that only a few operations can have would be missing from a run now and then.
    {
      weight: 99,
      arbitrary: fc.oneof(
        ...Map.groupBy(small, ({ defect }) => defect)
          .values()
          .map((same) => fc.constantFrom(...same)),
      ),
    },
    { weight: 1, arbitrary: fc.constantFrom(...large) },
  );
  return anyCase.chain(({ operation, defect, arbitrary }) =>
    fc.tuple(arbitrary, junkHeaders, fc.boolean()).map(([wrong, junk, chunked]) => {
      const { headers = {}, path = "", body = null, ...rest } = wrong;
      return {
        defect,
        method: operation.method,
        may_succeed: false,
        ...rest,
        path: path.startsWith("/") ? path : operation.existing + path,
        body,
        headers: {
          authorization: `Bearer ${key}`,
          ...junk,
          ...(body === null
            ? {}
            : chunked
              ? { "transfer-encoding": "chunked" }
              : { "content-length": String(body.length) }),
          ...headers,
        },
      };
    }),
  );
}
