import { expect, test } from "vitest";
import { completionRequest } from "./openai.ts";

const QUESTION = { model: "balanced", messages: [{ role: "user", content: "What does the weevil eat?" }] };

test.each([
  ["tool_choice", "required"],
  ["function_call", { name: "f" }],
  ["stop", ["\n"]],
  ["top_logprobs", 0],
  ["web_search_options", {}],
  ["prediction", { type: "content", content: "It eats" }],
  ["audio", { voice: "a", format: "mp3" }],
  ["logit_bias", { "50256": -100 }],
])("%s is refused with the reason, and null is taken for nothing", (field, value) => {
  const issues = completionRequest.safeParse({ ...QUESTION, [field]: value }).error?.issues ?? [];
  expect(issues).toMatchObject([{ path: [field], message: expect.stringMatching(/^is not supported: \w+/) }]);
  expect(completionRequest.safeParse({ ...QUESTION, [field]: null }).success).toBe(true);
});
