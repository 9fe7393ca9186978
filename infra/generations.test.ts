import { describe, expect, test } from "vitest";
import { isDataStore } from "./policy/data-stores.ts";
import { runProgram } from "./program.fixture.ts";

const dated = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

describe("generations, rollout and waivers", () => {
  test("a generation beside the live one is declared and protected, and nothing is bound to it", async () => {
    const { all, named, outputs } = await runProgram({
      config: {
        database: { live: 1, generations: [1, 2] },
        vectors: {
          live: 2,
          generations: [
            { generation: 1, dimensions: 384 },
            { generation: 2, dimensions: 768 },
          ],
        },
      },
    });
    expect(all("D1Database").map(({ inputs, protect }) => [inputs.name, protect])).toEqual([
      ["prism-db-g1", true],
      ["prism-db-g2", true],
    ]);
    expect(all("VectorizeIndex").map(({ inputs }) => inputs.dimensions)).toEqual([384, 768]);
    const bound = named("prism-version").inputs.bindings as { name: string; id?: string; indexName?: string }[];
    expect(bound.find(({ name }) => name === "DB")?.id).toBe("prism-db-g1-id");
    expect(bound.find(({ name }) => name === "VECTORIZE")?.indexName).toBe("prism-chunks-g2");
    expect(outputs.vectors.live).toBe(2);
  });

  test("a rollout shares the traffic with the previous version", async () => {
    const previous = "00000000-0000-4000-8000-000000000001";
    const { named } = await runProgram({ config: { rollout: { percentage: 10, previous } } });
    expect(named("prism-deployment").inputs.versions).toEqual([
      { versionId: "prism-version-id", percentage: 10 },
      { versionId: previous, percentage: 90 },
    ]);
  });

  test("a version without traffic is uploaded and not in the deployment, for the provider refuses a share of 0", async () => {
    const previous = "00000000-0000-4000-8000-000000000001";
    const { named } = await runProgram({ config: { rollout: { percentage: 0, previous } } });
    expect(named("prism-version").inputs.bindings).toBeDefined();
    expect(named("prism-deployment").inputs.versions).toEqual([{ versionId: previous, percentage: 100 }]);
  });

  test("a full rollout leaves nothing to the version before, even where the configuration still names one", async () => {
    const previous = "00000000-0000-4000-8000-000000000001";
    const { named } = await runProgram({ config: { rollout: { percentage: 100, previous } } });
    expect(named("prism-deployment").inputs.versions).toEqual([{ versionId: "prism-version-id", percentage: 100 }]);
  });

  test("a waiver lifts both protections from the store it names and from no other", async () => {
    const waivers = [{ resource: "prism-chunks-g1", reason: "the embedding model changes", expires: dated(2) }];
    const { resources, named } = await runProgram({ config: { waivers } });
    const lifted = resources.filter(
      ({ type, protect, retain_on_delete }) => isDataStore(type) && !(protect || retain_on_delete),
    );
    expect(lifted.map(({ name }) => name)).toEqual(["prism-chunks-g1"]);
    expect(named("prism-chunks-g1").inputs.forceDestroy).toBe(true);
  });
});
