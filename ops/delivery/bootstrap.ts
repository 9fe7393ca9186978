/**
 * `ops bootstrap`: what must exist before the first `ops deploy` to an account: the bucket for Pulumi's state, a deploy token that
 * may do no more than a deployment needs, and the stack's first configuration. Run with a powerful token, once; again is harmless.
 */
import { z } from "zod";
import { nameInStack, SERVICE, STACKS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS, dayOf } from "../../worker/ground/time.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { type OpsError, refusal } from "../command/errors.ts";
import { TOKEN_DAYS } from "../limits.ts";
import { cloudflareApiUrl } from "../stack/account.ts";
import { pulumiEngine, STATE_BUCKET } from "../stack/pulumi-engine.ts";
import { type ConfigurationGaps, configurationGaps, configure, stackExists } from "./first-configuration.ts";
import { createDeployToken, tokensNamed } from "./first-token.ts";

const step = z.strictObject({ what: z.string(), state: z.enum(["there", "missing", "made"]) });
type Step = z.infer<typeof step>;

export const bootstrap = defineCommand({
  path: "bootstrap",
  group: "delivery",
  summary: "prepare an account: state bucket, least-privilege deploy token, first configuration of a stack",
  notes:
    'CLOUDFLARE_API_TOKEN is a token with "Account API Tokens Write" and "Workers R2 Storage Write". The deploy token is printed once; keep it where deployments run, as CLOUDFLARE_API_TOKEN. When a bootstrap was cut off after that, export PRISM_DEPLOY_TOKEN with the token\'s value and run it again. Generated secrets go into the stack\'s file, encrypted. Again is harmless.',
  risk: "change",
  asks: true,
  options: z.object({
    account: z
      .string()
      .optional()
      .meta({ placeholder: "id", description: "the account; needed when the token sees several" }),
    plan: z.enum(["free", "paid"]).default("free").describe("what the account pays for"),
    project: z
      .string()
      .default(".")
      .meta({ placeholder: "dir", description: "folder with Pulumi.yaml and the stack's file" }),
  }),
  output: z.strictObject({
    stack: z.enum(STACKS),
    account_id: z.string(),
    dry_run: z.boolean(),
    steps: z.array(step),
    deploy_token: z.string().nullable().describe("its value, where it was made by this run"),
  }),
  examples: [
    "bootstrap --stack production --account 023e105f4ecef8ad9ca31a8372d0c353 --dry-run",
    "bootstrap --stack production --account 023e105f4ecef8ad9ca31a8372d0c353 --yes",
  ],
  async run(invocation, options) {
    const { stack, dry_run, env } = invocation;
    const refuse = (cause: string, hint: string) => refusal({ op: "bootstrap", subject: stack, cause, hint });
    if (stack === "local")
      throw refuse("the local platform makes what it needs by itself", "npm start; or --stack staging|production");
    const token = env.CLOUDFLARE_API_TOKEN ?? "";
    if (token === "")
      throw refuse(
        "CLOUDFLARE_API_TOKEN is not set",
        'export a token with "Account API Tokens Write" and "Workers R2 Storage Write": https://dash.cloudflare.com/profile/api-tokens',
      );
    const api_url = cloudflareApiUrl(env);
    const connect = (account_id: string) =>
      createCloudflare({ api_url, account_id, token }, { signal: invocation.signal });
    const gaps = configurationGaps(options.project, stack);
    const account_id = options.account ?? gaps.account_id ?? (await onlyAccount(connect(""), refuse));
    if (gaps.account_id !== null && gaps.account_id !== account_id)
      throw refuse(
        `its file names account ${gaps.account_id}, and ${account_id} was asked for`,
        "use another stack for another account, or correct prism:accountId",
      );

    const client = connect(account_id);
    const buckets = await client.r2.buckets.list({ account_id, name_contains: STATE_BUCKET });
    const hasBucket = (buckets.buckets ?? []).some(({ name }) => name === STATE_BUCKET);
    const tokenName = `${nameInStack(SERVICE, stack)} first deploy`;
    const existing = await tokensNamed(client, account_id, tokenName);
    const given = env.PRISM_DEPLOY_TOKEN ?? "";
    const found: Step[] = [
      { what: `bucket ${STATE_BUCKET}`, state: hasBucket ? "there" : "missing" },
      { what: `token ${tokenName}`, state: existing.length > 0 ? "there" : "missing" },
      ...gapSteps(gaps),
    ];
    const report = (steps: Step[], deploy_token: string | null) => ({
      data: { stack, account_id, dry_run, steps, deploy_token },
      text: [
        ...steps.map(({ what, state }) => `${state}\t${what}`),
        ...(deploy_token === null
          ? []
          : ["", "Shown once, keep it where deployments run:", `CLOUDFLARE_API_TOKEN=${deploy_token}`]),
      ].join("\n"),
      audit: { detail: { account_id, steps } },
    });
    if (dry_run || found.every(({ state }) => state === "there")) return report(found, null);
    if (existing.length > 0 && given === "")
      throw refuse(
        `token "${tokenName}" exists and its value, which opens the stack's secrets, cannot be read`,
        `export PRISM_DEPLOY_TOKEN with its value; or, if the stack was never deployed, delete the token in the dashboard${gaps.has_salt ? ` and the secrets and the salt in Pulumi.${stack}.yaml` : ""}, and repeat`,
      );
    await invocation.confirm({ op: `prepare account ${account_id} for stack`, subject: stack });

    if (!hasBucket) await client.r2.buckets.create({ account_id, name: STATE_BUCKET });
    const expires = gaps.expires ?? dayOf(invocation.now() + TOKEN_DAYS * DAY_MS);
    const made =
      existing.length > 0
        ? null
        : await createDeployToken(client, account_id, { name: tokenName, expires, plan: options.plan });
    // From here on a failure must not lose what cannot be had again.
    try {
      const deployEnv = { ...env, CLOUDFLARE_API_TOKEN: made ?? given, CLOUDFLARE_ACCOUNT_ID: account_id };
      const engine = await pulumiEngine(stack, deployEnv, invocation.signal, options.project);
      const exists = await stackExists(engine);
      if (exists && !gaps.has_salt)
        throw refuse(
          "its state exists, and its file, which opens the secrets in it, is new",
          `bring back Pulumi.${stack}.yaml from the repository's history`,
        );
      if (!exists) await engine.run(["stack", "init"]);
      await configure(engine, gaps, { account_id, expires, plan: options.plan });
    } catch (error) {
      if (made !== null)
        invocation.note(`The deploy token was made, keep it and repeat with it: PRISM_DEPLOY_TOKEN=${made}`);
      throw error;
    }
    return report(
      found.map(({ what, state }) => ({ what, state: state === "missing" ? "made" : state })),
      made,
    );
  },
});

function gapSteps({ account_id, expires, missing_secrets }: ConfigurationGaps): Step[] {
  return [
    { what: "prism:accountId", state: account_id === null ? "missing" : "there" },
    { what: "prism:tokensExpire", state: expires === null ? "missing" : "there" },
    ...missing_secrets.map((name) => ({ what: `prism:${name}`, state: "missing" as const })),
  ];
}

async function onlyAccount(
  client: ReturnType<typeof createCloudflare>,
  refuse: (cause: string, hint: string) => OpsError,
): Promise<string> {
  const ids: string[] = [];
  for await (const { id } of client.accounts.list()) ids.push(id);
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  throw refuse(`the token sees ${counted(ids.length, "account")}`, "name one with --account ID");
}
