/** What an S3 operation is given and gives back, and the answers that many share. */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Engine } from "../engine.ts";
import type { BucketRecord } from "../registry.ts";
import type { Payload } from "./payload.ts";
import { S3Error } from "./s3-error.ts";
import type { UploadLedger } from "./upload-ledger.ts";
import { type XmlFields, xmlDocument } from "./xml.ts";

export type S3Engine = Pick<Engine, "registry" | "r2" | "now">;

export interface S3Platform {
  engine: S3Engine;
  uploads: UploadLedger;
}

export interface S3Request {
  bucket: string;
  key: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  payload: Payload;
}

export interface S3Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | ReadableStream<Uint8Array>;
}

export type Operation = (platform: S3Platform, request: S3Request) => Promise<S3Answer> | S3Answer;

export function xmlAnswer(root: string, content: XmlFields | string): S3Answer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: xmlDocument(root, content) };
}

/** A header with one value. */
export function header(request: S3Request, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

/** The record of a bucket. Errors: NoSuchBucket. */
export function bucketRecord({ engine }: Pick<S3Platform, "engine">, name: string): BucketRecord {
  const record = engine.registry.get("r2", name);
  if (!record) throw new S3Error("NoSuchBucket", "The specified bucket does not exist.");
  return record;
}

/** A whole number in the query, at most `max`. Errors: InvalidArgument. */
export function queryNumber(query: URLSearchParams, name: string, fallback: number, max: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d{1,10}$/.test(text)) throw new S3Error("InvalidArgument", `${name} must be a whole number, not ${text}.`);
  return Math.min(Number(text), max);
}

export function newRequestId(): string {
  return randomUUID().replaceAll("-", "").toUpperCase();
}
