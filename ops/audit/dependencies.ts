/** `ops audit dependencies`: what is publicly known against the packages of this checkout. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { harmless } from "../command/output.ts";
import { ROOT } from "../stack/pulumi-engine.ts";
import { EXCEPTIONS } from "./dependency-exceptions.ts";
import { advisory, askNpm, judge, shippedPlaces } from "./npm-audit.ts";

const output = z.strictObject({
  ok: z.boolean().describe("the registry was asked, and knows nothing that is not excepted"),
  asked: z.boolean(),
  because: z.string().nullable().describe("why the registry could not be asked"),
  packages: z.int().nullable().describe("how many it was asked about"),
  advisories: z.array(advisory).describe("the worst first, excepted ones included"),
  unused_exceptions: z.array(z.string()),
});

export const auditDependencies = defineCommand({
  path: "audit dependencies",
  group: "security",
  summary: "ask the npm registry for known vulnerabilities of this checkout's packages, dated exceptions aside",
  notes: `Reads package-lock.json. Exceptions, each with a reason and the day it ends, are in ops/audit/dependency-exceptions.ts. Exit code 1: an advisory
that no exception covers; 4: the registry could not be asked, so nothing is known.`,
  risk: "read",
  output,
  examples: ["audit dependencies", "audit dependencies --json"],
  async run({ env, signal, now }) {
    const told = await askNpm(ROOT, env, signal);
    if (!told.asked) {
      const { because } = told;
      return {
        data: { ok: false, asked: false, because, packages: null, advisories: [], unused_exceptions: [] },
        text: `NOT KNOWN: the registry could not be asked (${harmless(because)}).\nTry: npm ping; npm config get registry tells which one is asked: not every mirror answers audits`,
        exit_code: EXIT.partial,
      };
    }
    const { advisories, unused } = judge(told.report, shippedPlaces(ROOT), EXCEPTIONS, now());
    const open = advisories.filter(({ exception }) => exception === null || exception.ended);
    const packages = told.report.metadata.dependencies.total;
    const lines = [
      ...advisories.flatMap(({ id, package: name, severity, title, range, shipped, fix, exception }) => [
        harmless(
          `${severity.toUpperCase().padEnd(8)} ${name} ${range}${shipped ? " (shipped)" : ""}: ${title} (${id})`,
        ),
        exception === null || exception.ended
          ? `         ${exception ? `Its exception ended on ${exception.until}. ` : ""}Try: ${fix ?? "no version mends it yet: another package, or a dated exception in ops/audit/dependency-exceptions.ts"}`
          : `         Excepted until ${exception.until}: ${exception.reason}`,
      ]),
      ...unused.map((id) => `The exception ${id} excepts nothing any more: remove it.`),
      `${counted(packages, "package")}: ${counted(open.length, "advisory")}, and ${advisories.length - open.length} excepted.`,
    ];
    const ok = open.length === 0;
    return {
      data: { ok, asked: true, because: null, packages, advisories, unused_exceptions: unused },
      text: lines.join("\n"),
      exit_code: ok ? EXIT.done : EXIT.check_failed,
    };
  },
});
