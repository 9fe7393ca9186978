import { userInfo } from "node:os";
import { expect, test } from "vitest";
import { actorName } from "./actor.ts";

test("who does something has a name; one without is told by the number", () => {
  expect(actorName()).toBe(userInfo().username);
  const nameless = () => {
    throw new Error("A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)");
  };
  expect(actorName(nameless)).toBe(`uid ${process.getuid?.()}`);
});
