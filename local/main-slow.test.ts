/** The rest of what `main.test.ts` shows of npm: its other ends, and npx in its place. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { EMPTY, MAIN, NPM_START, Starts } from "./main.fixture.ts";

let starts: Starts;
beforeAll(() => {
  starts = new Starts();
});
afterEach(() => starts.stop());
afterAll(() => starts.remove());

const NPX_NODE = ["npx", "--", process.execPath, MAIN, ...EMPTY];

test("whatever starts it and whatever ends that, nothing is left running", () =>
  starts.leaveNothing([
    // npm does not pass this on.
    [NPM_START, "SIGHUP"],
    [NPM_START, "SIGKILL"],
    // Between the two stands an npm that nobody tells.
    [["npx", "-c", NPM_START.join(" ")], "SIGKILL"],
    [NPX_NODE, "SIGTERM"],
    [NPX_NODE, "SIGKILL"],
  ]));
