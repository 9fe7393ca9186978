import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Env } from "../env.ts";
import { postErrorEvent } from "./error-webhook.ts";
import { redactSecrets, withoutQuotedInput } from "./redact.ts";
import { formatTraceparent, traceOf } from "./trace.ts";

const random = fc
  .uint8Array({ minLength: 24, maxLength: 24 })
  .filter((bytes) => bytes.slice(0, 8).some((byte) => byte > 0));

test("a trace that is handed on is the same trace to the next service, in another span", () => {
  fc.assert(
    fc.property(random, random, (here, there) => {
      const first = { ...traceOf(null, here), trace_id: "a".repeat(32), sampled: true };
      const second = traceOf(formatTraceparent(first), there);
      expect(second).toMatchObject({ trace_id: first.trace_id, sampled: true });
    }),
  );
});

test.each([
  "00-00000000000000000000000000000000-b7ad6b7169203331-01",
  "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
  "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
  "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
  "nonsense",
])("the invalid trace %s is replaced", (header) => {
  const { trace_id } = traceOf(header, new Uint8Array(24).fill(7));
  expect(trace_id).toBe("07".repeat(16));
});

test("a newer version of the header with more fields is understood", () => {
  const header = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more";
  expect(traceOf(header, new Uint8Array(24)).trace_id).toBe("0af7651916cd43dd8448eb211c80319c");
});

test("credentials in any text are taken out, the id of a key stays", () => {
  const text = "key prism_0w2e8kqz4m1c_abcdef, Bearer abc.def, eyJhbGciOi.eyJpc3Mi.sig-na_ture and hunter2";
  expect(redactSecrets(text, ["hunter2", ""])).toBe(
    "key prism_0w2e8kqz4m1c_[redacted], Bearer [redacted], [redacted] and [redacted]",
  );
});

test("the name of a variable is no credential: a hint that tells it can be followed", () => {
  const hint = "set PRISM_BACKUP_KEY_FILE or PRISM_BACKUP_PASSPHRASE";
  expect(redactSecrets(`${hint}, not PRISM_0W2E8KQZ4M1C_ABCDEF7`, [])).toBe(
    `${hint}, not prism_0W2E8KQZ4M1C_[redacted]`,
  );
});

test("what a parser quotes from its input is taken out of its message", () => {
  for (const input of ["private text", '{"a": private', `${"long ".repeat(20)}private`, '["private", x]']) {
    let message = "";
    try {
      JSON.parse(input);
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    expect(message).not.toBe("");
    expect(withoutQuotedInput(message)).not.toContain("private");
  }
});

test("an outage posts a bounded number of error events", async () => {
  const received: string[] = [];
  const traces = new Set<unknown>();
  const server = createServer((request, response) => {
    traces.add(request.headers.traceparent);
    request.on("data", (piece) => received.push(String(piece))).on("end", () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const env = { ERROR_WEBHOOK: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` } as Env;
  const unit = { env, trace: traceOf(null, new Uint8Array(24).fill(7)) };
  for (let event = 0; event < 30; event++) await postErrorEvent(unit, `{"event":${event}}`, 60_000);
  expect(received).toHaveLength(10);
  await postErrorEvent(unit, '{"event":"next minute"}', 120_000);
  expect(received.at(-1)).toContain("next minute");
  expect([...traces]).toEqual([formatTraceparent(unit.trace)]);
  await new Promise((resolve) => server.close(resolve));
});
