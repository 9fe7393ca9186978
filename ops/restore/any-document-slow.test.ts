/** Arbitrary documents, names and values, and none at all: create, everything lost, apply, equal; and what verify and drill say. */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BUCKETS } from "../../infra/inventory.ts";
import { spread, tried } from "../backup/torture/extent.fixture.ts";
import { anyText, STUMBLING } from "./any-text.fixture.ts";
import { LostStack, type WrittenDocument } from "./lost-stack.fixture.ts";
import { liveStack, stackState } from "./stack-state.fixture.ts";

const DOCUMENTS_A_ROUND = 110;
const TITLE_CHARS = 400;
/** The first document of each round; beside these, what is generated. */
const FIRST = [
  ["Übersicht der Anlagen", "Übersicht"],
  ["blob0 storage", "blob0"],
  ["😀", "…"],
] as const;
const GENERATED_ROUNDS = 2;
const ROUNDS = FIRST.length + GENERATED_ROUNDS;
/** Which rounds are tried; all are 550 documents. */
const TRIED = spread(
  Array.from({ length: ROUNDS }, (_, round) => round),
  2,
);

let stack: LostStack;
beforeEach(async () => {
  stack = await LostStack.start();
});
afterEach(() => stack.close());

async function expectProven(): Promise<void> {
  const verified = await stack.ops("backup", "verify");
  expect(verified, verified.stderr).toMatchObject({ code: 0, passed: true, level: "restore", differences: [] });
  const drilled = await stack.ops("drill");
  expect(drilled, drilled.stderr).toMatchObject({ code: 0, passed: true, differences: [] });
}

/** What the service takes; it refuses NUL. */
const servedText = anyText.map((text) => text.replaceAll("\0", "").toWellFormed());
const document = fc.record({
  title: servedText.map((title) => title.slice(0, TITLE_CHARS).toWellFormed()),
  text: servedText,
});

test(`${tried(TRIED.length, ROUNDS, "rounds")} of ${DOCUMENTS_A_ROUND} documents of all scripts, another one first each time`, {
  timeout: 1_200_000,
}, async () => {
  const rounds = fc.sample(
    fc.array(document, { minLength: DOCUMENTS_A_ROUND, maxLength: DOCUMENTS_A_ROUND, size: "max" }),
    ROUNDS,
  );
  let written = 0;
  for (const round of TRIED) {
    const generated = rounds[round] ?? [];
    const [title, text] = FIRST[round] ?? [];
    const documents: WrittenDocument[] = generated.map((made, place) => ({
      id: `${round}/${place}`,
      ...(place === 0 && title !== undefined && text !== undefined ? { title, text } : made),
    }));
    await stack.put(documents);
    await stack.expectSurvival();
    await expectProven();
    await stack.remove(documents);
    written += documents.length;
  }
  console.log(`${written} documents survived the loss of their stores, ${TRIED.length} of them as the first`);
});

test("a service without a document, a vector, a key of configuration", async () => {
  await stack.expectSurvival();
  await expectProven();
});

test("forty documents that say the same, and ids, keys, objects and metadata with everything that names may hold", async () => {
  const names = STUMBLING.map((text) => text.replaceAll(/\p{Cc}/gu, "")).filter((name) => name.trim() !== "");
  const copies = Array.from({ length: 40 }, (_, place) => ({ id: `copy ${place}`, title: "Copy", text: "The same." }));
  await stack.put([...names.map((id) => ({ id: `${id}/%2F?#&<>"'`, title: id, text: id })), ...copies]);
  const metadata = {
    collection: `"' OR 1=1 --`,
    language: "e\u0301 😀",
    huge: 9007199254740991,
    tiny: -0.1,
    "🗝": true,
  };
  expect(
    await stack.service.call("PUT", "/api/v1/documents/metadata", { title: "", text: "With metadata", metadata }),
  ).toMatchObject({ status: 201 });

  const { api, account_id, resources } = await liveStack(stack.service.platform, stack.dir);
  const namespace_id = resources.kv.config;
  for (const [place, name] of names.entries()) {
    const value = Buffer.from(place % 2 === 0 ? name : [0, 255, 254, place]).toString("base64");
    const body = [
      { key: `${name}/%2F?#&<>"'`, value, base64: true, ...(place % 3 === 0 && { metadata: { [name]: name } }) },
    ];
    await api.kv.namespaces.bulkUpdate(namespace_id, { account_id, body });
  }
  await api.kv.namespaces.values.update("empty", { account_id, namespace_id, value: "" });

  const buckets = [BUCKETS.vectors.name, BUCKETS.audit.name];
  const held = async () => {
    const all: Record<string, string> = {};
    for (const name of buckets) {
      const bucket = await stack.service.platform.runtime.r2(name);
      for (const { key } of (await bucket.list()).objects) {
        if (!key.startsWith("odd/")) continue;
        all[`${name}: ${key}`] = (await (await bucket.get(key))?.text()) ?? "gone";
      }
    }
    return all;
  };
  for (const name of buckets) {
    const bucket = await stack.service.platform.runtime.r2(name);
    for (const odd of names) await bucket.put(`odd/${odd}/%2F?#&<>"' +/./../end`, odd);
    await bucket.put("odd/empty", "");
  }
  const before = await held();
  expect(Object.keys(before)).toHaveLength(2 * (names.length + 1));
  const state = await stackState(stack.service.platform, stack.dir);
  expect(await stack.ops("backup", "create")).toMatchObject({ code: 0 });
  await expectProven();
  for (const name of buckets) {
    const bucket = await stack.service.platform.runtime.r2(name);
    await bucket.delete(Object.keys(before).flatMap((key) => (key.startsWith(name) ? key.slice(name.length + 2) : [])));
  }
  expect(await held()).toEqual({});
  const applied = await stack.ops("restore", "apply", "--yes");
  expect(applied, applied.stderr).toMatchObject({ code: 0 });
  expect(await held()).toEqual(before);
  const { "table tenants": _, "table backup_marks": __, ...rest } = state;
  expect(await stackState(stack.service.platform, stack.dir)).toMatchObject(rest);
  await stack.expectSurvival();
});
