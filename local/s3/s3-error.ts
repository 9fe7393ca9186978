/** R2's S3 errors. Codes and statuses: https://developers.cloudflare.com/r2/api/error-codes/ */

const STATUS = {
  AccessDenied: 403,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  ExpiredRequest: 403,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidMaxKeys: 400,
  InvalidObjectName: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidURI: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  ObjectLockedByBucketPolicy: 403,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const;
type S3ErrorCode = keyof typeof STATUS;

/** An answer other than success, as the client will see it. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly status: number;

  constructor(code: S3ErrorCode, message: string) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
  }
}

/** R2's numeric codes, which its binding puts at the end of a message, as S3 codes. */
const BINDING_CODES: Record<string, S3ErrorCode> = {
  10007: "NoSuchKey",
  10011: "EntityTooSmall",
  10012: "MetadataTooLarge",
  10020: "InvalidObjectName",
  10022: "InvalidMaxKeys",
  10024: "NoSuchUpload",
  10025: "InvalidPart",
  10031: "PreconditionFailed",
  10037: "BadDigest",
  10039: "InvalidRange",
  10048: "InvalidPart",
  100100: "EntityTooLarge",
};

/** Any failure as the S3 error that R2 would answer; what nobody foresaw is an InternalError with its message. */
export function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  const message = error instanceof Error ? error.message : String(error);
  const match = /^(?:\w+: )?(.*) \((\d+)\)$/s.exec(message);
  const code = BINDING_CODES[match?.[2] ?? ""];
  return code && match?.[1] ? new S3Error(code, match[1]) : new S3Error("InternalError", message);
}
