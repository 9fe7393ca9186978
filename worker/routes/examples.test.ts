/** The examples of `/openapi.json` and `/docs`, sent to the whole service as they stand there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiDocument } from "../pages/docs-types.ts";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test("no example of a body is refused for what it says", async () => {
  const { paths } = (await service.call("GET", "/openapi.json")).json as ApiDocument;
  const headers = { accept: "application/json, text/event-stream" };
  const refused: string[] = [];
  let sent = 0;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(item)) {
      const example = requestBody?.content?.["application/json"]?.example;
      if (example === undefined) continue;
      const answer = await service.call(method.toUpperCase(), path.replace(/\{\w+\}/g, "1"), example, { headers });
      sent += 1;
      const isOfBody = [400, 406, 413, 415, 422].includes(answer.status) && !/`path\./.test(answer.text);
      if (isOfBody) refused.push(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
  }
  expect(refused).toEqual([]);
  expect(sent).toBeGreaterThan(20);
});
