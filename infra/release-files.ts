/**
 * The modules of a release as files that the provider uploads. A module's content in its arguments would stand in every
 * checkpoint of the state, twice: four megabytes, written anew at each step of an `up`.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { writeWhole } from "./write-whole.ts";

const FOLDER = join(import.meta.dirname, "../dist/releases");

export interface ReleaseModule {
  name: string;
  contentType: string;
  contentBase64: string;
}

/**
 * Arguments of a `WorkerVersion`. A path has the content's hash in it, so the same content has the same path on every
 * machine and another content another one. It is relative to the program's folder: there the engine starts providers.
 */
export function moduleFiles(modules: readonly ReleaseModule[]) {
  return modules.map(({ name, contentType, contentBase64 }) => {
    const content = Buffer.from(contentBase64, "base64");
    const folder = join(FOLDER, createHash("sha256").update(content).digest("hex").slice(0, 16));
    const file = join(folder, name);
    mkdirSync(folder, { recursive: true });
    writeWhole(file, content);
    return { name, contentType, contentFile: relative(import.meta.dirname, file) };
  });
}
