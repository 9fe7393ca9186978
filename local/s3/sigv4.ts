/**
 * Who sent this? AWS Signature Version 4, verified. No I/O and no clock: `now_ms` is passed in.
 *
 * The libraries only sign (a presigned URL cannot be signed again through their interfaces), so the check is here; the
 * tests let the AWS SDK and @smithy/signature-v4 be the other side.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { S3_CLOCK_SKEW_MAX_MS, S3_PRESIGN_MAX_S } from "../limits.ts";
import { S3Error } from "./s3-error.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";

export interface Credentials {
  access_key_id: string;
  secret_access_key: string;
  /** Of the API token behind it; without them it may do everything. */
  scopes?: readonly string[] | undefined;
}

interface SignedRequest {
  method: string;
  /** As sent. */
  path: string;
  query: URLSearchParams;
  /** Lower-case name → every value sent. */
  headers: Record<string, string[] | undefined>;
}

/** A request known to come from the holder of a secret; what is left to check is its payload. */
export interface Authenticated {
  /** The client's word on the payload: a SHA-256 in hex, UNSIGNED-PAYLOAD or STREAMING-… */
  payload_hash: string;
  /** What the signatures of aws-chunked pieces continue from. */
  signature: string;
  signing_key: Buffer;
  amz_date: string;
  scope: string;
  scopes: readonly string[] | undefined;
}

interface Claim {
  access_key_id: string;
  scope: string;
  amz_date: string;
  signed_headers: string[];
  signature: string;
  payload_hash: string;
}

/**
 * Verifies the `Authorization` header or a presigned URL. Errors: InvalidArgument, InvalidRequest, InvalidAccessKeyId,
 * RequestTimeTooSkewed, ExpiredRequest, AccessDenied (an `x-amz-` header that was not signed), SignatureDoesNotMatch.
 */
export function authenticate(request: SignedRequest, known: Credentials[], now_ms: number): Authenticated {
  const authorization = request.headers.authorization?.[0];
  const claim = authorization ? headerClaim(request, authorization, now_ms) : presignedClaim(request, now_ms);
  const credentials = known.find(({ access_key_id }) => access_key_id === claim.access_key_id);
  if (!credentials)
    throw new S3Error("InvalidAccessKeyId", "The access key id you provided does not exist in our records.");
  // An unsigned x-amz-copy-source would turn somebody's presigned upload into a read of any object.
  const unsigned = Object.keys(request.headers).find(
    (name) => name.startsWith("x-amz-") && !claim.signed_headers.includes(name),
  );
  if (unsigned || !claim.signed_headers.includes("host"))
    throw new S3Error("AccessDenied", `There were headers in the request which were not signed: ${unsigned ?? "host"}`);

  const signing_key = signingKey(credentials.secret_access_key, claim.scope);
  const provided = Buffer.from(claim.signature);
  const matches = canonicalRequests(request, claim).some((canonical) => {
    const to_sign = [ALGORITHM, claim.amz_date, claim.scope, sha256Hex(canonical)].join("\n");
    const computed = Buffer.from(hmac(signing_key, to_sign).toString("hex"));
    return computed.length === provided.length && timingSafeEqual(computed, provided);
  });
  if (!matches)
    throw new S3Error(
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.",
    );
  const { payload_hash, signature, amz_date, scope } = claim;
  return { payload_hash, signature, signing_key, amz_date, scope, scopes: credentials.scopes };
}

/** The last one that was derived: a caller's is the same for a day. */
let derived: { secret: string; scope: string; key: Buffer } | undefined;

function signingKey(secret: string, scope: string): Buffer {
  if (derived?.secret !== secret || derived.scope !== scope) {
    const key = scope.split("/").reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));
    derived = { secret, scope, key };
  }
  return derived.key;
}

/** `HMAC-SHA-256(key, text)`. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

export function sha256Hex(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Percent-encodes all but the unreserved characters, as SigV4 and S3's `encoding-type=url` do. */
export function awsUriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function headerClaim({ headers }: SignedRequest, authorization: string, now_ms: number): Claim {
  if (!authorization.startsWith(`${ALGORITHM} `)) throw new S3Error("InvalidRequest", `Please use ${ALGORITHM}`);
  const fields = new Map<string, string>();
  for (const field of authorization.slice(ALGORITHM.length).split(",")) {
    const equals = field.indexOf("=");
    fields.set(field.slice(0, equals).trim(), field.slice(equals + 1).trim());
  }
  const [credential, signed, signature] = ["Credential", "SignedHeaders", "Signature"].map((name) => fields.get(name));
  if (!credential || !signed || !signature) throw new S3Error("InvalidRequest", `Please use ${ALGORITHM}`);
  const payload_hash = headers["x-amz-content-sha256"]?.[0];
  if (!payload_hash) throw new S3Error("InvalidRequest", "Missing x-amz-content-sha256");
  const amz_date = headers["x-amz-date"]?.[0] ?? "";
  refuseSkew(Math.abs(now_ms - parseDate(amz_date)));
  return {
    ...parseCredential(credential, amz_date),
    amz_date,
    signed_headers: signed.split(";"),
    signature,
    payload_hash,
  };
}

function presignedClaim({ query }: SignedRequest, now_ms: number): Claim {
  if (!query.has("X-Amz-Credential"))
    throw new S3Error("InvalidArgument", "Authorization: the request is not signed. Use an S3 client with a key.");
  const field = (name: string): string => {
    const value = query.get(`X-Amz-${name}`);
    if (!value) throw new S3Error("InvalidArgument", `Required search parameter X-Amz-${name} missing`);
    return value;
  };
  if (field("Algorithm") !== ALGORITHM) throw new S3Error("InvalidRequest", `Please use ${ALGORITHM}`);
  const amz_date = field("Date");
  const expires_s = Number(field("Expires"));
  if (!Number.isInteger(expires_s) || expires_s > S3_PRESIGN_MAX_S)
    throw new S3Error("InvalidArgument", `X-Amz-Expires must be a number of seconds, at most ${S3_PRESIGN_MAX_S}.`);
  const signed_ms = parseDate(amz_date);
  refuseSkew(signed_ms - now_ms);
  if (expires_s < 1 || now_ms > signed_ms + expires_s * 1000)
    throw new S3Error("ExpiredRequest", "Request has expired");
  return {
    ...parseCredential(field("Credential"), amz_date),
    amz_date,
    signed_headers: field("SignedHeaders").split(";"),
    signature: field("Signature"),
    payload_hash: query.get("X-Amz-Content-Sha256") ?? query.get("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD",
  };
}

function parseCredential(credential: string, amz_date: string): { access_key_id: string; scope: string } {
  const parts = credential.split("/");
  const scope = parts.slice(-4);
  if (parts.length < 5 || scope[2] !== "s3" || scope[3] !== "aws4_request" || scope[0] !== amz_date.slice(0, 8))
    throw new S3Error("InvalidArgument", `Credential must be <key>/${amz_date.slice(0, 8)}/<region>/s3/aws4_request.`);
  return { access_key_id: parts.slice(0, -4).join("/"), scope: scope.join("/") };
}

function parseDate(amz_date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(amz_date);
  const time_ms = match ? Date.parse(amz_date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5")) : Number.NaN;
  if (Number.isNaN(time_ms))
    throw new S3Error("InvalidArgument", `x-amz-date (${amz_date}) is no date like 20260102T030405Z`);
  return time_ms;
}

function refuseSkew(skew_ms: number): void {
  if (skew_ms <= S3_CLOCK_SKEW_MAX_MS) return;
  throw new S3Error(
    "RequestTimeTooSkewed",
    "The difference between the request time and the server's time is too large. Set the clock of the client.",
  );
}

/**
 * Every reading of the request that its sender may have signed: the path as sent or encoded anew (some clients send
 * less encoding than they sign), header values as UTF-8 or as the bytes on the wire.
 */
function canonicalRequests(request: SignedRequest, claim: Claim): Buffer[] {
  const query = [...request.query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [awsUriEncode(name), awsUriEncode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b || (a === b && x < y) ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const headers = claim.signed_headers
    .map(
      (name) =>
        `${name}:${(request.headers[name] ?? [""]).map((value) => value.trim().replace(/ +/g, " ")).join(",")}\n`,
    )
    .join("");
  const encoded = decodeURIComponent(request.path).split("/").map(awsUriEncode).join("/");
  return [...new Set([request.path, encoded])].flatMap((path) => {
    const lines = [request.method, path, query, headers, claim.signed_headers.join(";"), claim.payload_hash].join("\n");
    const utf8 = Buffer.from(lines);
    return utf8.length === lines.length ? [utf8] : [utf8, Buffer.from(lines, "latin1")];
  });
}
