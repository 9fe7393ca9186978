/** What goes wrong on the way to a deployed stack, one after the other on one account: each is told, and the next up goes on. */
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiFront, startFront } from "../../infra/provider/api-front.fixture.ts";
import { type EngineStack, startEngineStack } from "./engine.fixture.ts";

const INDEX = "prism-chunks-staging-g1";
const UP = ["up", "--yes", "--skip-preview"];

let stack: EngineStack;
let front: ApiFront;
let client: Cloudflare;

beforeAll(async () => {
  // Staging: the program asks nothing about the plan of the platform on this machine.
  stack = await startEngineStack({ stack: "staging" });
  const { api_token, api_url } = stack.platform;
  front = await startFront(api_url);
  stack.env.CLOUDFLARE_BASE_URL = front.url;
  client = new Cloudflare({ apiToken: api_token, baseURL: api_url });
});
afterAll(async () => {
  front?.close();
  await stack?.close();
});

/** What an `up` that must fail tells the user. */
async function failure(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await stack.tryPulumi(...(args.length > 0 ? args : UP));
  expect([code, stdout]).not.toEqual([0, stdout]);
  return `${stdout}${stderr}`;
}

test("configuration that is missing or wrong is named, key by key, with the command that sets it", async () => {
  stack.setConfig({ tokensExpire: undefined, plan: "enterprise", cpu: 5, database: { live: 2, generations: [1] } });
  const said = await failure("preview");
  expect(said).toContain("prism:tokensExpire: missing. Set it with: pulumi config set prism:tokensExpire VALUE");
  expect(said).toMatch(/prism:plan: .*"free"\|"paid".* Set it with: pulumi config set prism:plan VALUE/);
  expect(said).toContain("prism:cpu: there is no such key. Remove it with: pulumi config rm prism:cpu --stack staging");
  stack.setConfig({ tokensExpire: "2099-01-01", plan: "free", cpu: undefined });
  expect(await failure("preview")).toContain("prism:database.live: generation 2 is not among generations");
  stack.setConfig({ database: { live: 1, generations: [1] } });
});

test("a secret in plain text is refused", async () => {
  await stack.pulumi("config", "set", "--plaintext", "prism:API_SECRET", "in-plain-text-in-plain-text-in-plain-text");
  const said = await failure("preview");
  expect(said).toContain("prism:API_SECRET: stands in plain text in the stack's file, so it is no secret any more");
  expect(said).not.toContain("in-plain-text-in-plain-text");
  await stack.pulumi("config", "set", "--secret", "prism:API_SECRET", stack.secrets.API_SECRET);
});

test("a plan that the account does not have is told before it is built on", async () => {
  stack.setConfig({ plan: "paid" });
  expect(await failure("preview")).toContain(
    "prism:plan is paid, but the account has no Workers Paid subscription: Logpush and CPU limits would be refused",
  );
  stack.setConfig({ plan: "free" });
});

test("a question that Cloudflare does not answer ends the program before anything is declared", async () => {
  const answer = (status: number) => ({ status, code: 10000, message: "no" });
  front.rules = [{ method: "GET", path: "available_alerts", answer: answer(403) }];
  expect(await failure("preview")).toContain("the API token lacks the permission «Notifications Read»");
  front.rules = [{ method: "GET", path: "available_alerts", answer: answer(500) }];
  expect(await failure("preview")).toMatch(/it failed \(500\)\. See \S+ and repeat; nothing was changed/);
  front.rules = [];
});

test("a token without a permission is told which one, and what was made stays made", async () => {
  const { account_id, api_token } = stack.platform;
  const { result: groups } = await client.accounts.tokens.permissionGroups.list({ account_id });
  const permission_groups = groups.flatMap(({ id, name, scopes }) =>
    id && scopes?.includes("com.cloudflare.api.account") && !name?.startsWith("Vectorize") ? [{ id }] : [],
  );
  const resources = { [`com.cloudflare.api.account.${account_id}`]: "*" };
  const policies = [{ effect: "allow" as const, permission_groups, resources }];
  const { value = "" } = await client.accounts.tokens.create({ account_id, name: "no Vectorize", policies });
  stack.env.CLOUDFLARE_API_TOKEN = value;
  const said = await failure();
  expect(said).toContain('give the token the permission "Vectorize Write"');
  stack.env.CLOUDFLARE_API_TOKEN = api_token;
});

test("a name that is taken is told with the import that adopts it, and the import does", async () => {
  const { account_id } = stack.platform;
  await client.vectorize.indexes.create({ account_id, name: INDEX, config: { dimensions: 384, metric: "cosine" } });
  const said = await failure();
  const [, command = ""] = /`pulumi (import vectorize:index:VectorizeIndex \S+ \S+)`/.exec(said) ?? [];
  expect(command).toContain(`prism-chunks-g1 ${account_id}/${INDEX}`);
  await stack.pulumi(...command.split(" "), "--yes", "--protect", "--generate-code=false");
});

/** Cloudflare's own provider repeats twice after any `Retry-After`; ours waits for a budget, so it is told of none that comes back. */
const budgetSpent = (retryAfter_s: number) => ({
  status: 429,
  headers: { "retry-after": String(retryAfter_s) },
  code: 10429,
  message: "More than 1200 requests in 300 seconds",
});
const BROKEN = { status: 500, code: 10500, message: "Internal server error" };
/** Everything that is not made yet; then what cannot exist before the index that the tests above refused. */
const MISHAPS = [
  // The first rule whose path is found answers.
  [
    { path: "/vectorize", answer: budgetSpent(3600) },
    { path: "", answer: budgetSpent(1) },
  ],
  [{ path: "", answer: BROKEN }],
  [{ path: "/versions", answer: budgetSpent(1) }],
  [{ path: "/deployments", answer: BROKEN }],
];

test("an API that answers 429 or 500 anywhere stops an up, and the next one goes on", async () => {
  for (const rules of MISHAPS) {
    front.rules = rules.map((rule) => ({ method: "POST", ...rule }));
    const { code, stdout } = await stack.tryPulumi(...UP);
    expect([rules, code]).not.toEqual([rules, 0]);
    expect([rules, stdout]).toEqual([rules, expect.stringContaining(rules[0]?.answer.message ?? "")]);
    expect(stdout).toMatch(/Try: .*repeat: what was done stays done/);
  }
  front.rules = [];
  await stack.pulumi(...UP);
  await stack.pulumi("preview", "--expect-no-changes");
});

test("what was told holds no secret", () => {
  const said = stack.printed.join("\n");
  expect(Object.entries(stack.secrets).filter(([, value]) => said.includes(value))).toEqual([]);
  expect(said).not.toContain(stack.platform.api_token);
});
