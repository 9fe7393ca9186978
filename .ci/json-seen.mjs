/** Which commands' `--json` no test of this run has seen and held to its schema (`ops/command/run-cli.fixture.ts` notes those that were). */
import { existsSync, readdirSync } from "node:fs";
import { COMMANDS } from "../ops/registry.ts";

const SEEN = "node_modules/.cache/prism-json-seen";
/** Why a command's output is seen by no test that CI runs. */
const UNSEEN = {};

const seen = new Set(existsSync(SEEN) ? readdirSync(SEEN) : []);
const unseen = Object.keys(COMMANDS).filter((path) => !seen.has(path.replaceAll(" ", "-")) && !(path in UNSEEN));
if (unseen.length > 0) {
  console.error(`No test has seen --json of: ${unseen.join(", ")}. Run them with --json by \`runCli\``);
  process.exitCode = 1;
}
