/** `ops mode show` */
import { z } from "zod";
import { modeView } from "../../worker/schemas/defence.ts";
import { defineCommand } from "../command/define.ts";
import { MODE_PATH, shownMode } from "./mode.ts";

export const modeShow = defineCommand({
  path: "mode show",
  group: "security",
  summary: "the mode of the service: since when, by whom and why",
  risk: "read",
  output: z.strictObject(modeView.shape),
  examples: ["mode show --json"],
  async run(invocation) {
    const mode = await (await invocation.client()).get(MODE_PATH, modeView);
    return { data: mode, text: shownMode(mode) };
  },
});
