/** The package schema that `pulumi import` and code generation read, derived from the resource's own schemas. */
import { z } from "zod";
import { indexInputs, indexState } from "./index-inputs.ts";

export const PACKAGE = "vectorize";
export const VERSION = "0.1.0";
export const RESOURCE = "vectorize:index:VectorizeIndex";

/** https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/ */
export function packageSchema(): string {
  return JSON.stringify({
    name: PACKAGE,
    version: VERSION,
    description: "Cloudflare Vectorize, which Cloudflare's own provider lacks",
    config: { variables: { apiToken: { type: "string", secret: true }, baseUrl: { type: "string" } } },
    provider: { inputProperties: { apiToken: { type: "string", secret: true }, baseUrl: { type: "string" } } },
    resources: {
      [RESOURCE]: {
        description: "An index with the metadata indexes that its queries filter by",
        inputProperties: properties(indexInputs),
        requiredInputs: ["accountId", "name", "dimensions", "metric"],
        properties: properties(indexState),
        required: Object.keys(indexState.shape),
      },
    },
    types: {
      "vectorize:index:MetadataIndex": {
        type: "object",
        properties: { property: { type: "string" }, type: { type: "string" } },
        required: ["property", "type"],
      },
    },
  });
}

/** Only the parts of JSON schema that Pulumi's schema shares with it. */
function properties(schema: typeof indexInputs | typeof indexState): Record<string, unknown> {
  const { properties = {} } = z.toJSONSchema(schema, { io: "output" });
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const type = typeof property === "object" ? property.type : undefined;
      return [name, type === "array" ? { type, items: { $ref: "#/types/vectorize:index:MetadataIndex" } } : { type }];
    }),
  );
}
