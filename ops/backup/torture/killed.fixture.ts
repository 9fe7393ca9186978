/** For tests: `kill -9` of a command at every request with which it changes something, on a whole stack; then it is typed again. */
import { expect } from "vitest";
import { restoreIntoScratch } from "../../restore/scratch-restore.ts";
import type { Passing } from "../../storage/wire.fixture.ts";
import { readManifest } from "../manifest.ts";
import { spread, TRIES_ALL, tried } from "./extent.fixture.ts";
import { StackRig, undisturbed } from "./stack-rig.fixture.ts";
import { type DeathPoint, deathAt, deathPoints } from "./writes.fixture.ts";

/** Points that are tried unless all are. */
const FEW = 1;
/** Restores and rebuilds leave generations behind: after so many points the next stack is begun. */
const POINTS_PER_STACK = 10;

interface Journey<T> {
  /** The command's words. */
  words(prepared: T): string[];
  /** Brings about what the command is for. */
  prepare(): Promise<T>;
  /** Types the command again and looks whether all is well. */
  check(prepared: T): Promise<void>;
}

export class KilledStack {
  #rig: StackRig | undefined;
  #points_here = 0;
  #number = 0;

  get rig(): StackRig {
    if (this.#rig === undefined) throw new Error("there is a stack within atEveryWrite only");
    return this.#rig;
  }

  /** A new stack with three documents and a snapshot. */
  async #begin(): Promise<void> {
    await this.close();
    this.#rig = await StackRig.start();
    this.#points_here = 0;
    for (const id of ["a", "b", "c"])
      await this.rig.putDocument(id, `# ${id}\n\nWater rises from the ground at spring ${id}. `.repeat(5));
    await this.rig.putConfig("flag", "on");
    await this.rig.done("backup", "create");
  }

  async close(): Promise<void> {
    await this.#rig?.close();
    this.#rig = undefined;
  }

  /** One document says something else each time. */
  async change(): Promise<void> {
    this.#number += 1;
    await this.rig.putDocument("changing", `The number is ${this.#number} now.`);
  }

  /** On stacks that nobody used before. */
  async atEveryWrite<T>(journey: Journey<T>): Promise<void> {
    const { words, prepare, check } = journey;
    await this.#begin();
    const prepared = await prepare();
    const unbroken = await this.#killed(null, words(prepared));
    await check(prepared);
    const points = deathPoints(unbroken.writes);
    const chosen = spread(points, FEW + 2).slice(...(TRIES_ALL ? [] : [1, -1]));
    let kills = 0;
    const command = `ops ${words(prepared).slice(0, 2).join(" ")}`;
    for (const [done, point] of chosen.entries()) {
      if (done > 0 && done % POINTS_PER_STACK === 0) console.log(`${command}: ${done} of ${chosen.length} points done`);
      if (this.#points_here >= POINTS_PER_STACK) await this.#begin();
      let isKilled = await this.#dieAt(point, journey);
      if (!isKilled) {
        // The first command on a stack has more to write than those after it.
        await this.#begin();
        isKilled = await this.#dieAt(point, journey);
      }
      if (isKilled) kills += 1;
    }
    console.log(`${command} killed at ${tried(kills, points.length, "points")}`);
    expect(points.length).toBeGreaterThan(4);
    expect(kills).toBeGreaterThan(chosen.length * 0.9);
  }

  async #dieAt<T>(point: DeathPoint, { words, prepare, check }: Journey<T>): Promise<boolean> {
    this.#points_here += 1;
    const made = await prepare();
    const { isKilled } = await this.#killed(point, words(made));
    await check(made).catch((error: unknown) => {
      const at = `killed ${point.phase} write ${point.write} (${point.what})`;
      throw new Error(`${at}: ${String(error)}`, { cause: error });
    });
    return isKilled;
  }

  /** Runs the command and kills it at the point. The writes that it came to; whether it was killed. */
  async #killed(point: DeathPoint | null, words: readonly string[]): Promise<{ writes: Passing[]; isKilled: boolean }> {
    const writes: Passing[] = [];
    this.rig.dies = true;
    this.rig.judge = deathAt(point, (passing) => writes.push(passing));
    const { code, stdout, stderr } = await this.rig.ops(...words);
    this.rig.dies = false;
    this.rig.judge = undisturbed;
    if (code !== null && code !== 0) throw new Error(`it was not killed, but failed (${code}): ${stdout}\n${stderr}`);
    return { writes, isKilled: code === null };
  }

  /** The newest snapshot is whole, and loads into SQLite as it says. */
  async expectWhole(): Promise<void> {
    await this.rig.repository(async (repository) => {
      const { findings } = await repository.verifyData(100);
      expect(findings.filter(({ severity }) => severity === "damage")).toEqual([]);
      const snapshot = await repository.openSnapshot("latest");
      const hooks = { signal: new AbortController().signal };
      expect((await restoreIntoScratch(snapshot, await readManifest(snapshot), hooks)).differences).toEqual([]);
    });
  }

  /** What the stack holds, without the packs' table, in which a vacuum notes which of them nothing points to any more. */
  async content(): Promise<Record<string, string>> {
    const { "table packs": _, ...rest } = await this.rig.state();
    return rest;
  }
}
