/** For tests: a small stack on a platform of its own, with a wire before its API and one before its storage, and commands as processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Service, startService } from "../../../worker/service.fixture.ts";
import { createCloudflare } from "../../cloudflare/api.ts";
import { COMPILED } from "../../command/run-cli.fixture.ts";
import { stackState } from "../../restore/stack-state.fixture.ts";
import { s3Storage } from "../../storage/s3-storage.ts";
import { type Fault, type Passing, startWire, type Wire } from "../../storage/wire.fixture.ts";
import { claimedId, keyAtHand } from "../keys-at-hand.ts";
import { openRepository } from "../repository/open-repository.ts";
import type { Repository } from "../repository/repository.ts";

const never = new AbortController().signal;
const CLI = join(import.meta.dirname, "../../cli.ts");

interface OpsRun {
  /** Null: it was killed. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export class StackRig {
  readonly dir: string;
  readonly service: Service;
  readonly #wires: Wire[] = [];
  #child: ChildProcess | null = null;
  /** What happens to a request of a command; reset it to `undisturbed` when the command is done. */
  judge: (passing: Passing) => Fault | null = undisturbed;
  /** Whether the command dies at the moment of a fault, before it can learn of it. */
  dies = false;

  private constructor(dir: string, service: Service) {
    this.dir = dir;
    this.service = service;
  }

  /** Commands find the platform through the wires; the platform and its clients know nothing of them. */
  static async start(): Promise<StackRig> {
    const dir = await mkdtemp(join(tmpdir(), "prism-torture-"));
    const service = await startService({ data_dir: dir });
    const rig = new StackRig(dir, service);
    const file = join(dir, "platform.json");
    let text = await readFile(file, "utf8");
    for (const url of new Set([service.platform.api_url, service.platform.s3_url].map((one) => new URL(one).origin))) {
      const wire = await startWire(
        url,
        (passing) => rig.judge(passing),
        async () => (rig.dies ? await rig.#kill() : undefined),
      );
      rig.#wires.push(wire);
      text = text.replaceAll(url, wire.url);
    }
    await writeFile(file, text);
    return rig;
  }

  async close(): Promise<void> {
    await this.#kill();
    for (const wire of this.#wires) await wire.close();
    await this.service.close();
    await rm(this.dir, { recursive: true });
  }

  async #kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async ops(...words: string[]): Promise<OpsRun> {
    const env = { ...process.env, ...COMPILED, PRISM_URL: "", PRISM_API_SECRET: "", DEBUG: "" };
    const child = spawn(process.execPath, [CLI, ...words, "--data", this.dir, "--json"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const run: OpsRun = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (text) => {
      run.stdout += text;
    });
    child.stderr.on("data", (text) => {
      run.stderr += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    run.code = code;
    return run;
  }

  /** A command that must be done. Its JSON. */
  async done(...words: string[]) {
    const { code, stdout, stderr } = await this.ops(...words);
    if (code !== 0) throw new Error(`ops ${words.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout);
  }

  async putDocument(id: string, text: string): Promise<void> {
    const { status } = await this.service.call("PUT", `/api/v1/documents/${encodeURIComponent(id)}`, {
      title: id,
      text,
    });
    if (status !== 200 && status !== 201) throw new Error(`document ${id}: ${status}`);
  }

  async putConfig(key: string, value: string): Promise<void> {
    const { account_id, api_url, api_token: token } = this.service.platform;
    const api = createCloudflare({ api_url, account_id, token }, { signal: never });
    const { result } = await api.kv.namespaces.list({ account_id });
    const namespace_id = result.find(({ title }) => /config/.test(title))?.id ?? "";
    await api.kv.namespaces.values.update(key, { account_id, namespace_id, value });
  }

  /** What the stack holds, by hash, past the service and past the wires; without what grows with every command. */
  async state(): Promise<Record<string, string>> {
    const state = await stackState(this.service.platform, this.dir);
    return Object.fromEntries(
      Object.entries(state).filter(([name]) => !/^table (tenants|backup_marks|idempotency)|^object/.test(name)),
    );
  }

  /** The stack's repository, past the wires. */
  async repository<T>(work: (repository: Repository) => Promise<T>): Promise<T> {
    const { s3_url: endpoint, s3_credentials: credentials } = this.service.platform;
    const storage = s3Storage({ endpoint, bucket: "prism-backups", prefix: "", credentials });
    const id = (await claimedId(storage, never)) ?? "";
    const key = await keyAtHand(storage, id, { key_files: [], data_dir: this.dir, env: {}, signal: never });
    const repository = await openRepository(storage, key);
    try {
      return await work(repository);
    } finally {
      await repository.close();
      storage.close();
    }
  }
}

export const undisturbed = (): Fault | null => null;
