import { expect, test } from "vitest";
import type { Message } from "./announce.ts";
import { channelRequest } from "./channel-requests.ts";

const message = (summary: string): Message => ({
  kind: "change",
  alert: "a",
  severity: "info",
  summary,
  value: null,
  since_ms: 0,
  runbook: null,
  changes: Array.from({ length: 5 }, () => ({ at_ms: 0, kind: "cloudflare", summary })),
  on_call: {},
  environment: "production",
});

test("what is too long for Slack is cut between characters as Slack spells them", () => {
  for (let more = 0; more < 5; more += 1) {
    const { body } = channelRequest({ type: "slack", url_secret: "s" }, message("x".repeat(more) + "&".repeat(490)), {
      s: "https://hooks.example",
    });
    const { blocks } = body as { blocks: { text: { text: string } }[] };
    expect(blocks).toHaveLength(2);
    for (const { text } of blocks) {
      expect(text.text).toMatch(/^(?:[^&<]|&(?:amp|lt|gt);)*$/);
      expect(text.text.length).toBeLessThanOrEqual(3_000);
    }
  }
});
