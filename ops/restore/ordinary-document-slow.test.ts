import { afterAll, beforeAll, expect, test } from "vitest";
import { LostStack } from "./lost-stack.fixture.ts";

let stack: LostStack;
beforeAll(async () => {
  stack = await LostStack.start();
});
afterAll(() => stack.close());

test("a service whose first document is an ordinary one of another language survives the loss of its stores", async () => {
  const documents = [
    { id: "1", title: "Übersicht der Anlagen", text: "Übersicht der Anlagen" },
    { id: "blob0", title: "blob0 storage", text: "blob0 storage" },
    { id: "😀", title: "…", text: "😀" },
  ];
  await stack.put(documents);
  await stack.expectSurvival();
  const found = await stack.service.call("POST", "/api/v1/search", { query: "Übersicht" });
  expect(found.json.results[0].document_id).toBe("1");
});
