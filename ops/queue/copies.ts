/**
 * What a purge took away, kept: one object of NDJSON a purge in the bucket of the logs, written before anything goes, and deleted by that
 * bucket's lifecycle.
 */
import { z } from "zod";
import { misuse } from "../command/errors.ts";
import { isFailure } from "../storage/storage.ts";
import type { QueueAccess } from "./access.ts";
import { type Letter, letter } from "./letters.ts";

const COPIES_PREFIX = "purged-messages/";

/** Returns the key, by which `queue replay --copy` finds it. One purge writes several where it is long. */
export async function writeCopy(
  { logs, signal }: QueueAccess,
  letters: readonly Letter[],
  now_ms: number,
): Promise<string> {
  const key = `${COPIES_PREFIX}${new Date(now_ms).toISOString().replace(/[:.]/g, "-")}.ndjson`;
  await logs.create(key, Buffer.from(letters.map((one) => `${JSON.stringify(one)}\n`).join("")), signal);
  return key;
}

/** @throws OpsError where there is no such copy, or it is none. */
export async function readCopy({ logs, signal }: QueueAccess, key: string): Promise<Letter[]> {
  const refuse = (cause: string, error: unknown) =>
    misuse(
      { op: "read", subject: key, cause, hint: `name the key that queue purge told: ${COPIES_PREFIX}….ndjson` },
      error,
    );
  try {
    const { body } = await logs.read(key, signal);
    const lines = Buffer.from(body)
      .toString("utf8")
      .split("\n")
      .filter((line) => line !== "");
    return lines.map((line) => letter.parse(JSON.parse(line)));
  } catch (error) {
    if (isFailure(error, "missing")) throw refuse("there is no such copy (they are kept for 90 days)", error);
    if (error instanceof SyntaxError || error instanceof z.ZodError)
      throw refuse("it is not a copy that queue purge made", error);
    throw error;
  }
}
