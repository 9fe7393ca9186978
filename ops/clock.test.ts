import { afterEach, expect, test } from "vitest";
import { nowOf } from "./clock.ts";
import { createCloudflare } from "./cloudflare/api.ts";
import { connectionFailure } from "./cloudflare/failures.ts";
import { s3Storage } from "./storage/s3-storage.ts";
import { type Fault, startWire } from "./storage/wire.fixture.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const { signal } = new AbortController();
const HOUR_MS = 3_600_000;

/** A server whose clock is ahead of this machine's, and that refuses. */
async function refusing(code: string, ahead_ms: number): Promise<string> {
  const headers = { date: new Date(Date.now() + ahead_ms).toUTCString() };
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>No.</Message></Error>`;
  const fault: Fault = { kind: "answer", status: 403, headers, body };
  const wire = await startWire("http://127.0.0.1:9", () => fault);
  closing.push(() => wire.close());
  return wire.url;
}

function readFrom(endpoint: string) {
  const credentials = { access_key_id: "id", secret_access_key: "secret" };
  const storage = s3Storage({ endpoint, bucket: "vault", prefix: "", credentials });
  closing.push(() => storage.close());
  return storage.read("pointer", signal);
}

const askOf = (url: string) =>
  createCloudflare({ api_url: `${url}/client/v4`, account_id: "acc", token: "t" }, { signal }).d1.database.get("db", {
    account_id: "acc",
  });

test.each([-HOUR_MS, HOUR_MS])(
  "a storage that refuses because of the time tells of the clock (%i ms), whatever its code",
  async (ahead_ms) => {
    for (const code of ["RequestTimeTooSkewed", "AccessDenied", "SignatureDoesNotMatch"]) {
      await expect(readFrom(await refusing(code, ahead_ms))).rejects.toMatchObject({
        failure: "skewed",
        parts: {
          cause: expect.stringMatching(/this machine's clock says .*, the server's/),
          hint: expect.stringMatching(/clock/),
        },
      });
    }
  },
);

test("a simulated clock is the local platform's alone", () => {
  const env = { PRISM_CLOCK_OFFSET_MS: String(-HOUR_MS) };
  const told_ms = nowOf("local", env)();
  expect(Date.now() - told_ms).toBeGreaterThanOrEqual(HOUR_MS);
  expect(Date.now() - nowOf("local", {})()).toBeLessThan(HOUR_MS);
  expect(Date.now() - nowOf("production", env)()).toBeLessThan(HOUR_MS);
});

test("a code that names the time is believed without a date; credentials that are wrong stay so by a right clock", async () => {
  await expect(readFrom(await refusing("RequestTimeTooSkewed", 0))).rejects.toMatchObject({ failure: "skewed" });
  await expect(readFrom(await refusing("AccessDenied", 0))).rejects.toMatchObject({ failure: "denied" });
});

test("Cloudflare's refusal of a token tells of a clock that is wrong, and of rights where it is right", async () => {
  const told = { parts: { hint: expect.stringMatching(/clock/) }, status: 403 };
  await expect(askOf(await refusing("x", HOUR_MS))).rejects.toMatchObject(told);
  await expect(askOf(await refusing("x", 0))).rejects.toMatchObject({
    parts: { hint: expect.stringMatching(/give the token the permission/) },
  });
});

test.each(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"])(
  "a certificate that is not valid now (%s) tells of the clock",
  (code) => {
    const call = { method: "GET", url: "https://api/client/v4/x", api_url: "https://api/client/v4", account_id: "acc" };
    const error = new TypeError("fetch failed", { cause: Object.assign(new Error("certificate"), { code }) });
    const { cause, hint } = connectionFailure(call, error).parts;
    expect([cause, hint]).toEqual([
      expect.stringMatching(/by this machine's clock/),
      expect.stringMatching(/set this machine's clock/),
    ]);
  },
);
