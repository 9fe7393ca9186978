/** Files that a command is told to write: whole or not there at all. */
import { randomUUID } from "node:crypto";
import { link, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { makeFolder } from "../storage/make-folder.ts";
import { misuse, type OpsError, refusal } from "./errors.ts";

type Content = string | AsyncIterable<string>;

interface OutputOptions {
  /** What is being done, for an error: `write the draft into`. */
  op: string;
  /** Not over another file. */
  is_new?: boolean;
  mode?: number;
  signal?: AbortSignal;
}

/**
 * Writes what `make` gives, beside the file first. That the place can be written is found before `make` does anything; where it gives
 * null, or fails, nothing is left. Returns how many bytes were written.
 *
 * @throws OpsError of a file that is there already, and of a place that takes none; what `make` and its content throw.
 */
export async function writeOutput(
  path: string,
  { op, is_new = false, mode = 0o666, signal }: OutputOptions,
  make: () => Promise<Content | null>,
): Promise<number> {
  const unwritable = (error: unknown): OpsError => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST")
      return refusal({ op, subject: path, cause: "the file is there already", hint: "name a new file" }, error);
    const hint = "name a file in a folder that is there and can be written";
    return misuse({ op, subject: path, cause: message, hint }, error);
  };
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw unwritable(error);
  });
  if (there !== null && !there.isFile())
    throw unwritable(
      new Error(
        there.isDirectory()
          ? "it is a folder"
          : "it is a device or a pipe, which nothing can be written to whole or not at all",
      ),
    );
  if (there !== null && is_new) throw unwritable({ code: "EEXIST" });
  // Where a link leads to a file, that one is meant.
  const target = there === null ? path : await realpath(path);
  const unfinished = join(dirname(target), `.${basename(target).slice(0, 100)}-${randomUUID()}`);
  const file = await open(unfinished, "wx", there === null ? mode : there.mode & 0o777).catch((error: unknown) => {
    throw unwritable(error);
  });
  try {
    const content = await make();
    if (content === null) return 0;
    await file.writeFile(content, { signal });
    const { size } = await file.stat();
    if (is_new) await link(unfinished, target).catch(takeName);
    else await rename(unfinished, target);
    return size;
  } catch (error) {
    // Of this file's system, and of no program that the content comes from.
    throw error instanceof Error && "syscall" in error ? unwritable(error) : error;
  } finally {
    await file.close();
    await rm(unfinished, { force: true });
  }

  /** A disk without links has no other way that would fail where a file has come meanwhile. */
  async function takeName(error: NodeJS.ErrnoException): Promise<void> {
    if (error.code === "EEXIST") throw error;
    await rename(unfinished, target);
  }
}

/** Makes a folder that files are to be written into. @throws OpsError of wrong usage where there can be none. */
export function outputFolder(folder: string, op: string, mode?: number): void {
  try {
    makeFolder(folder, mode);
  } catch (error) {
    const { message } = error as Error;
    throw misuse({ op, subject: folder, cause: message, hint: "name a folder that can be written" }, error);
  }
}
