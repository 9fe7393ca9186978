import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planSync, type StoredDocument } from "./plan.ts";

const ours = new Set(["docs"]);
const stored = (id: string, content_hash: string, collection = "docs"): StoredDocument => ({
  id,
  content_hash,
  url: null,
  metadata: { collection },
});

describe("planSync", () => {
  test("adds what is new, changes what differs, deletes what vanished, leaves the rest", () => {
    const local = new Map([
      ["docs:new.md", "1"],
      ["docs:same.md", "2"],
      ["docs:edited.md", "3"],
    ]);
    const plan = planSync(
      local,
      [stored("docs:same.md", "2"), stored("docs:edited.md", "0"), stored("docs:gone.md", "4")],
      ours,
    );
    expect(plan).toEqual({
      add: ["docs:new.md"],
      change: ["docs:edited.md"],
      unchanged: ["docs:same.md"],
      delete: ["docs:gone.md"],
    });
  });

  test("never deletes a document that the configuration does not own", () => {
    const foreign = [stored("other:a", "1", "other"), stored("docs:by-hand", "1", "mine"), stored("docs", "1", "docs")];
    expect(planSync(new Map(), foreign, ours).delete).toEqual([]);
  });

  test("leaves the document of a file that was not read as it is", () => {
    const plan = planSync(
      new Map([
        ["docs:old.md", null],
        ["docs:refused.md", null],
      ]),
      [stored("docs:old.md", "1")],
      ours,
    );
    expect(plan).toEqual({ add: [], change: [], unchanged: ["docs:old.md"], delete: [] });
  });

  test("applied once, leaves nothing to do", () => {
    const hashes = fc.dictionary(fc.constantFrom("docs:a", "docs:b", "docs:c", "docs:d"), fc.constantFrom("1", "2"));
    fc.assert(
      fc.property(hashes, hashes, (files, service) => {
        const local = new Map(Object.entries(files));
        const held = new Map<string, string>(Object.entries(service));
        const plan = planSync(
          local,
          [...held].map(([id, hash]) => stored(id, hash)),
          ours,
        );
        for (const id of plan.delete) held.delete(id);
        for (const id of [...plan.add, ...plan.change]) held.set(id, local.get(id) ?? "");
        const again = planSync(
          local,
          [...held].map(([id, hash]) => stored(id, hash)),
          ours,
        );
        expect(again).toEqual({ add: [], change: [], unchanged: [...local.keys()], delete: [] });
      }),
    );
  });
});
