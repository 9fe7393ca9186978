/** A stack under Pulumi's engine: what `preview`, `up` and `refresh` say and do, as plans, steps and drift. */
import { join } from "node:path";
import { OpsError } from "../command/errors.ts";
import { changeConfigFile, readConfigFile, valueAt } from "./config-values.ts";
import { isKnownNotice, realDifferences } from "./drift-noise.ts";
import type { DriftedResource, PlannedStep, StackDriver, UnmanagedResource } from "./driver.ts";
import { type PulumiEngine, readOutputs } from "./pulumi-engine.ts";
import { differences, nameOf, readEvent, stepOf, topLevel, typeOf, uniqueSteps } from "./pulumi-events.ts";

/** Where the engine found its plugins: no warning of the program. */
const OWN_NEWS = /^using pulumi-\S+ from \$PATH/;
/** As `Pulumi.yaml` names it. */
const PROJECT = "prism";
/** The rules that no deployment may break (infra/policy). */
const POLICIES = ["--policy-pack", join(import.meta.dirname, "../../infra/policy/pulumi-analyzer-prism")];

/**
 * `findEngine` is called at the first use of the engine: what is configured can be read without one.
 * @throws OpsError from every method, in the engine's, the provider's or the program's own words.
 */
export function pulumiDriver(
  { stack, folder }: Pick<PulumiEngine, "stack" | "folder">,
  findEngine: () => Promise<PulumiEngine>,
): StackDriver {
  const configFile = join(folder, `Pulumi.${stack}.yaml`);
  let found: Promise<PulumiEngine> | undefined;
  const engine = (): Promise<PulumiEngine> => {
    found ??= findEngine();
    return found;
  };
  const run: PulumiEngine["run"] = async (...command) => (await engine()).run(...command);
  return {
    stack,

    async preview() {
      const steps: PlannedStep[] = [];
      const warnings: string[] = [];
      try {
        await run(["preview", "--json", "--show-sames", ...POLICIES], {
          on_line(line) {
            const { resourcePreEvent, diagnosticEvent } = readEvent(line) ?? {};
            const step = resourcePreEvent && stepOf(resourcePreEvent);
            if (step) steps.push(step);
            if (diagnosticEvent?.severity !== "warning") return;
            const { message, urn = "" } = diagnosticEvent;
            if (!OWN_NEWS.test(message) && !isKnownNotice(typeOf(urn), message)) warnings.push(message.trim());
          },
        });
      } catch (error) {
        // The engine ends its plan where it may not touch a store: that step is what the caller must see.
        const forbidden = steps.some(({ kind, protected: kept }) => kept && (kind === "replace" || kind === "delete"));
        if (!(error instanceof OpsError && forbidden)) throw error;
      }
      return { steps: uniqueSteps(steps), warnings: [...new Set(warnings)] };
    },

    async up(on_step) {
      const told = new Set<string>();
      await run(["up", "--yes", "--skip-preview", "--json", ...POLICIES], {
        on_line(line) {
          const event = readEvent(line)?.resOutputsEvent;
          const step = event && stepOf(event);
          if (!step || told.has(event.metadata.urn)) return;
          told.add(event.metadata.urn);
          on_step?.(step);
        },
      });
      return readOutputs(await engine());
    },

    outputs: async () => readOutputs(await engine()),

    async drift() {
      const found: DriftedResource[] = [];
      await run(["refresh", "--preview-only", "--json"], {
        on_line(line) {
          const event = readEvent(line)?.resOutputsEvent;
          if (!event || event.metadata.type.startsWith("pulumi:")) return;
          const { op, urn, type } = event.metadata;
          const changed = op === "update" ? realDifferences(type, differences(event)) : [];
          const state = op === "delete" ? "missing" : changed.length > 0 ? "drifted" : "unchanged";
          found.push({ type, name: nameOf(urn), state, changed: [...new Set(changed.map(topLevel))].sort() });
        },
      });
      return found;
    },

    compares_with: "state",

    async notice(drift) {
      if (drift.length === 0) return;
      const urns = drift.map(({ type, name }) => `urn:pulumi:${stack}::${PROJECT}::${type}::${name}`);
      await run(["refresh", "--yes", "--skip-preview", "--json", ...urns.flatMap((urn) => ["--target", urn])]);
    },

    async unmanaged() {
      const found: UnmanagedResource[] = [];
      await run(["preview", "--json"], {
        on_line(line) {
          const event = readEvent(line)?.resourcePreEvent;
          const step = event && stepOf(event);
          if (step?.kind === "create")
            found.push({ type: step.type, name: step.name, inputs: event?.metadata.new?.inputs ?? {} });
        },
      });
      return found;
    },

    getConfig: async (path) => valueAt(readConfigFile(configFile), path),
    async setConfig(changes) {
      // A change that nothing here can carry out is not written down.
      await engine();
      changeConfigFile(configFile, changes);
    },
    async changeSecret(change, changes) {
      if (change.kind !== "set") return changeConfigFile(configFile, changes, change);
      await run(["config", "set", "--secret", `prism:${change.name}`], { input: change.value });
      changeConfigFile(configFile, changes);
    },
  };
}
