/** `ops backup`: its verbs, one file each. */
import type { Command } from "commander";
import { registerBackupCreate } from "./create.ts";
import { registerBackupDiff } from "./diff.ts";
import { registerBackupExport } from "./export/command.ts";
import { registerBackupImport } from "./import/command.ts";
import { registerBackupKey } from "./key/command.ts";
import { registerBackupList } from "./list.ts";
import { registerBackupPrune } from "./prune/command.ts";
import { registerBackupShow } from "./show.ts";
import { registerBackupVerify } from "./verify.ts";

export function registerBackup(program: Command): void {
  const backup = program
    .command("backup")
    .description("snapshots of everything a stack is, encrypted, incremental by row");
  registerBackupCreate(backup);
  registerBackupList(backup);
  registerBackupShow(backup);
  registerBackupDiff(backup);
  registerBackupVerify(backup);
  registerBackupPrune(backup);
  registerBackupExport(backup);
  registerBackupImport(backup);
  registerBackupKey(backup);
}
