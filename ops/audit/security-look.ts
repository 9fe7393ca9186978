/** What a security audit looks at, each source on its own: one that does not answer hides no other. */
import { environment } from "../../worker/schemas/debug.ts";
import { blocksView, securityMetrics } from "../../worker/schemas/defence.ts";
import { readAlerts } from "../alerts/answers.ts";
import { mainVersion } from "../cloudflare/worker-versions.ts";
import { asOpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { listKeys } from "../keys/keys.ts";
import { type Client, createClient } from "../service/client.ts";
import { openStack } from "../stack/delivery.ts";
import { judgeKeys, judgeSecrets, judgeTokens } from "./credential-rules.ts";
import type { Area, Finding } from "./finding.ts";
import { judgeAccess, judgeBlocks, judgeFailures, judgeHeaders, judgeOrigins } from "./security-rules.ts";

type Stack = Awaited<ReturnType<typeof openStack>>;

interface Looked {
  findings: Finding[];
  /** What could not be looked at, and why. */
  unseen: { areas: Area[]; because: string }[];
}

/** No page is served from there (RFC 2606). */
const STRANGE_ORIGIN = "https://audit.invalid";

export async function look(invocation: Invocation): Promise<Looked> {
  const stack = await openStack(invocation);
  const now_ms = invocation.now();
  const { stack: name, signal } = invocation;
  const client = () => invocation.client();
  const sources: [areas: Area[], look: () => Promise<Finding[]>][] = [
    [["authentication", "mode", "keys"], async () => judgeFailures(await metrics(await client()))],
    [["keys"], async () => judgeKeys(await listKeys(await client()), (await metrics(await client())).key_use, now_ms)],
    [
      ["blocks"],
      async () => {
        const { blocks } = await (await client()).get("/api/v1/blocklist", blocksView);
        return judgeBlocks(blocks, now_ms);
      },
    ],
    [
      ["headers", "cors", "authentication"],
      async () => {
        const { url } = await stack.target.service();
        const nobody = createClient({ url, token: "", signal });
        const live = await nobody.send("GET", "/health/live");
        const stranger = createClient({ url, token: "", signal, headers: { origin: STRANGE_ORIGIN } });
        const [refused, anonymous] = [
          await stranger.send("GET", "/api/v1/documents"),
          await nobody.send("GET", "/api/v1/documents"),
        ];
        const access = { origin: STRANGE_ORIGIN, stranger: refused.headers, anonymous_status: anonymous.status };
        return [...judgeHeaders(live.headers), ...judgeAccess(access)];
      },
    ],
    [["cors"], async () => judgeOrigins(await configuredOrigins(stack))],
    [
      ["secrets"],
      async () => {
        const { secrets } = await (await client()).get("/debug/env", environment);
        const { jobs } = await readAlerts(await client());
        const rotated = new Map(
          jobs.flatMap(({ job, succeeded_at }) => (succeeded_at === null ? [] : [[job, succeeded_at]])),
        );
        return judgeSecrets({ set: secrets, rotated, born: await birthOf(stack) }, now_ms);
      },
    ],
    [["tokens"], async () => judgeTokens(await tokensOf(stack), name, now_ms)],
  ];
  const seen: Looked = { findings: [], unseen: [] };
  for (const [areas, ask] of sources) {
    try {
      seen.findings.push(...(await ask()));
    } catch (error) {
      signal.throwIfAborted();
      seen.unseen.push({ areas, because: asOpsError(error).message });
    }
  }
  return seen;
}

function metrics(client: Client) {
  return client.get("/debug/security-metrics?period=24h", securityMetrics);
}

async function configuredOrigins({ versions }: Stack): Promise<string> {
  const [serving] = await versions.deployments();
  const bindings = serving === undefined ? [] : (await versions.version(mainVersion(serving))).bindings;
  return String(bindings.find(({ name }) => name === "CORS_ORIGINS")?.text ?? "");
}

/** When the Worker was made; null where the account does not tell. */
async function birthOf({ client, account_id, versions }: Stack): Promise<string | null> {
  for await (const { id, created_on } of client.workers.scripts.list({ account_id }))
    if (id === versions.script) return created_on ?? null;
  return null;
}

async function tokensOf({ client, account_id }: Stack) {
  const tokens = [];
  for await (const { name = "", status = "active", expires_on, policies = [] } of client.accounts.tokens.list({
    account_id,
  })) {
    const groups = policies.flatMap(({ permission_groups }) =>
      permission_groups.map((group) => group.name ?? group.id),
    );
    tokens.push({ name, status, expires_on: expires_on ?? null, groups });
  }
  return tokens;
}
