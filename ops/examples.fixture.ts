/**
 * For tests: a desk at which every example of every help text can be typed: a platform in `.prism` of the working folder, which is also the
 * account of stack `production`, and files with the names that the examples give.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import type { Platform } from "../local/platform.ts";
import { type Channels, putSecret, startChannels } from "../worker/alerts/channels.fixture.ts";
import { type Service, startService } from "../worker/service.fixture.ts";
import { type LocalRegistry, startRegistry } from "./deps/registry.fixture.ts";

const ROOT = join(import.meta.dirname, "..");

export interface Desk {
  folder: string;
  service: Service;
  platform: Platform;
  channels: Channels;
  close(): Promise<void>;
}

/** Until it is closed, the working folder and the environment are the desk's. */
export async function openDesk(): Promise<Desk> {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "prism-examples-"));
  process.chdir(folder);
  const channels = await startChannels();
  const service = await startService({ data_dir: ".prism", faults: true });
  const registry = await startRegistry(installedVersions());
  const { platform } = service;
  layOut(channels, platform);
  for (const [name, value] of Object.entries(environment(folder, platform, registry))) vi.stubEnv(name, value);
  return {
    folder,
    service,
    platform,
    channels,
    async close() {
      vi.unstubAllEnvs();
      process.chdir(before);
      await Promise.all([service.close(), channels.close(), registry.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What a person has exported who works on `production` from here. */
function environment(folder: string, platform: Platform, registry: LocalRegistry): Record<string, string> {
  const { access_key_id, secret_access_key } = platform.s3_credentials;
  return {
    PRISM_DATA: join(folder, ".prism"),
    CLOUDFLARE_API_TOKEN: platform.api_token,
    CLOUDFLARE_BASE_URL: platform.api_url,
    PRISM_URL: platform.url,
    PRISM_API_SECRET: platform.api_secret,
    PRISM_BACKUP_ACCESS_KEY_ID: access_key_id,
    PRISM_BACKUP_SECRET_ACCESS_KEY: secret_access_key,
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, "npm-cache"),
  };
}

/** Of every package what is installed is the latest version. */
function installedVersions(): (name: string) => readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return (name) => [packages[`node_modules/${name}`].version];
}

const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");

/** The files that examples name. */
function layOut(channels: Channels, platform: Platform): void {
  const file = (path: string, content: string) => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  };
  const source = (collection: string) => JSON.stringify({ sources: [{ collection, folder: "handbook" }] });
  file("handbook/tea.md", "# Tea\n\nGreen tea is brewed at 80 degrees Celsius.\n");
  file("prism.config.json", source("handbook"));
  file("handbook.config.json", source("again"));
  file("alerts.yaml", JSON.stringify(channels.configuration(platform.url)));
  cpSync(join(ROOT, "ops/alerts/rule-tests/service.yaml"), "my-rules.yaml");
  const text = "A volcano erupts when magma rises through the crust.";
  const question = "Why does a volcano erupt?";
  file("path/to/cranfield/corpus.jsonl", lines([{ _id: "1", title: "Volcanoes", text }]));
  file("path/to/cranfield/queries.jsonl", lines([{ _id: "q", text: question }]));
  file("path/to/cranfield/qrels.tsv", "query-id\tcorpus-id\tscore\nq\t1\t1\n");
  const answers = [{ text: "magma rises", answer_start: text.indexOf("magma rises") }];
  const paragraphs = [{ context: text, qas: [{ question, answers }] }];
  file("path/to/squad.json", JSON.stringify({ data: [{ title: "Volcanoes", paragraphs }] }));
  file("path/to/docs/volcano.md", `# Volcano\n\n${text}\n`);
  file("path/to/repository/reader.ts", "export function readPages(): void {}\n");
  cpSync(join(ROOT, "tests/conversations"), "tests/conversations", { recursive: true });
  // What the set asks about.
  for (const asked of ["README.md", "runbooks"]) cpSync(join(ROOT, asked), asked, { recursive: true });
  file("path/to/questions.jsonl", lines([{ question, documents: ["volcano.md"], answer: "magma rises" }]));
}

/** Puts the key of the account's own repository, which is the first to be made here, where the examples look for it. */
export function layOutEscrow(): void {
  if (existsSync("escrow.json")) return;
  const folder = ".prism/backup-keys";
  const name = readdirSync(folder).find((one) => one.endsWith("-escrow.json"));
  if (name === undefined) throw new Error(`there is no escrow key in ${folder}`);
  cpSync(join(folder, name), "escrow.json");
}

/** Sets the secrets of the channels, which the Worker's next version has. */
export const giveChannelSecrets = ({ platform, channels }: Desk) =>
  putSecret(platform, "ALERT_CHANNEL_SECRETS", channels.secrets);

/** Asks Cloudflare's API of the desk's account. */
export async function account({ platform }: Desk, method: string, path: string, body: object): Promise<void> {
  const response = await fetch(`${platform.api_url}/accounts/${platform.account_id}/${path}`, {
    method,
    headers: { authorization: `Bearer ${platform.api_token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
}
