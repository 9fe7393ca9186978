/** For tests: power that goes at one write, of whichever store. From then on nothing happens any more, neither there nor elsewhere. */
import type { D1Connection } from "../../d1/connection.ts";
import type { Storage } from "../../storage/storage.ts";

interface PowerCut {
  /** From 1. */
  write: number;
  phase: "before" | "after";
}

export class Power {
  readonly #cut: PowerCut | null;
  #writes = 0;
  #isGone = false;

  /** Null: it stays, and writes are only counted. */
  constructor(cut: PowerCut | null) {
    this.#cut = cut;
  }

  get writes(): number {
    return this.#writes;
  }

  get is_gone(): boolean {
    return this.#isGone;
  }

  storage(storage: Storage): Storage {
    return {
      location: storage.location,
      create: (...given) => this.#write(() => storage.create(...given)),
      replace: (...given) => this.#write(() => storage.replace(...given)),
      remove: (...given) => this.#write(() => storage.remove(...given)),
      read: (...given) => this.#read(() => storage.read(...given)),
      look: (...given) => this.#read(() => storage.look(...given)),
      page: (...given) => this.#read(() => storage.page(...given)),
      folders: (...given) => this.#read(() => storage.folders(...given)),
    };
  }

  database(connection: D1Connection): D1Connection {
    return {
      batch: (statements, options) => {
        const reads = statements.every(({ sql }) => /^\s*(SELECT|PRAGMA)\b/i.test(sql));
        const work = () => connection.batch(statements, options);
        return reads ? this.#read(work) : this.#write(work);
      },
    };
  }

  #fail(): never {
    this.#isGone = true;
    throw new Error("the power is gone");
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    return this.#isGone ? this.#fail() : await work();
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isGone) this.#fail();
    this.#writes += 1;
    const isDue = this.#writes === this.#cut?.write;
    if (isDue && this.#cut?.phase === "before") this.#fail();
    // One that was refused (the name is taken) is over, too.
    const [outcome] = await Promise.allSettled([work()]);
    if (isDue) this.#fail();
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }
}

/** Both sides of so many writes. */
export function cutsOf(writes: number): PowerCut[] {
  return Array.from({ length: writes }, (_, index) => index + 1).flatMap((write): PowerCut[] => [
    { write, phase: "before" },
    { write, phase: "after" },
  ]);
}
