/** The process that one file is parsed in: its bytes on standard input, what came of it as JSON on standard output. */
import { buffer } from "node:stream/consumers";
import { giveUpNetwork } from "./no-network.ts";
import { parseFile } from "./parse-file.ts";

const bytes = await buffer(process.stdin);
giveUpNetwork();
const parsed = await parseFile(process.argv[2] ?? "", bytes);
const peak_mb = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify("refused" in parsed ? parsed : { ...parsed, peak_mb }));
