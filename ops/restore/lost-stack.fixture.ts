/** For tests: a platform whose stores are lost and come back, over and over, by the command line. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type Answer, type Service, startService } from "../../worker/service.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { destroyStores, stackState } from "./stack-state.fixture.ts";

export interface WrittenDocument {
  id: string;
  title: string;
  text: string;
}

export class LostStack {
  readonly dir: string;
  readonly service: Service;

  private constructor(dir: string, service: Service) {
    this.dir = dir;
    this.service = service;
  }

  static async start(): Promise<LostStack> {
    const dir = await mkdtemp(join(tmpdir(), "prism-lost-"));
    return new LostStack(dir, await startService({ data_dir: dir }));
  }

  async close(): Promise<void> {
    await this.service.close();
    await rm(this.dir, { recursive: true });
  }

  /** A command's JSON, with its exit code and what it said beside. */
  async ops(...words: string[]): Promise<Answer["json"]> {
    const { code, stdout, stderr } = await runCommand([...words, "--data", this.dir, "--json"]);
    return { code, stderr, ...JSON.parse(stdout) };
  }

  /** The first of them becomes the lowest row. */
  async put(documents: readonly WrittenDocument[]): Promise<void> {
    const [first, ...others] = documents;
    if (first === undefined) return;
    const { id, ...body } = first;
    const answer: Answer = await this.service.call("PUT", `/api/v1/documents/${encodeURIComponent(id)}`, body);
    if (answer.status !== 201) throw new Error(`${JSON.stringify(first)} is refused: ${answer.text}`);
    if (others.length === 0) return;
    const batch = await this.service.call("POST", "/api/v1/documents/batch", { documents: others });
    if (batch.status !== 202) throw new Error(batch.text);
    expect(await this.service.job(batch.json.job_id)).toMatchObject({ failed: 0, created: others.length });
  }

  async remove(documents: readonly WrittenDocument[]): Promise<void> {
    for (const { id } of documents) {
      const { status } = await this.service.call("DELETE", `/api/v1/documents/${encodeURIComponent(id)}`);
      expect(status).toBe(204);
    }
  }

  /** Database, index and namespaces are deleted; then the way back must lead to what was there. */
  async expectSurvival(): Promise<void> {
    const created = await this.ops("backup", "create");
    expect(created, created.stderr).toMatchObject({ code: 0 });
    const before = await stackState(this.service.platform, this.dir);
    await destroyStores(this.service.platform, this.dir);
    const applied = await this.ops("restore", "apply", "--yes");
    expect(applied, applied.stderr).toMatchObject({
      code: 0,
      restored: { snapshot: created.snapshot.id, can_be_undone: false },
    });
    expect(await stackState(this.service.platform, this.dir)).toEqual(before);
  }
}
