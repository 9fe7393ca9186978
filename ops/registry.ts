/**
 * Every command, by its path. A command's file is loaded when it is asked for, and with it nothing of another one; help, completion and the
 * tests ask for all of them.
 */
import type { Command } from "./command/define.ts";

export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  synthetic: async () => (await import("./health/synthetic.ts")).synthetic,
  "alerts list": async () => (await import("./alerts/list.ts")).alertsList,
  "alerts show": async () => (await import("./alerts/show.ts")).alertsShow,
  "alerts ack": async () => (await import("./alerts/ack.ts")).alertsAck,
  "alerts silence": async () => (await import("./alerts/silence.ts")).alertsSilence,
  "alerts configure": async () => (await import("./alerts/configure.ts")).alertsConfigure,
  "alerts test-channel": async () => (await import("./alerts/test-channel.ts")).alertsTestChannel,
  "alerts test": async () => (await import("./alerts/test.ts")).alertsTest,
  "alerts render": async () => (await import("./alerts/render.ts")).alertsRender,
  oncall: async () => (await import("./alerts/oncall.ts")).oncall,
  "index update": async () => (await import("./index/update.ts")).indexUpdate,
  "index check": async () => (await import("./index/check.ts")).indexCheck,
  "index rebuild": async () => (await import("./index/rebuild.ts")).indexRebuild,
  "db tables": async () => (await import("./db/tables.ts")).dbTables,
  "db slow": async () => (await import("./db/slow.ts")).dbSlow,
  "db explain": async () => (await import("./db/explain.ts")).dbExplain,
  "db indexes": async () => (await import("./db/indexes.ts")).dbIndexes,
  "db check": async () => (await import("./db/check.ts")).dbCheck,
  "migrate list": async () => (await import("./migrate/list.ts")).migrateList,
  "migrate apply": async () => (await import("./migrate/apply.ts")).migrateApply,
  "migrate revert": async () => (await import("./migrate/revert.ts")).migrateRevert,
  "generation list": async () => (await import("./generation/list.ts")).generationList,
  "generation move": async () => (await import("./generation/move.ts")).generationMove,
  "generation undo": async () => (await import("./generation/undo.ts")).generationUndo,
  "generation resume": async () => (await import("./generation/resume.ts")).generationResume,
  "generation cancel": async () => (await import("./generation/cancel.ts")).generationCancel,
  "generation drop": async () => (await import("./generation/drop.ts")).generationDrop,
  cleanup: async () => (await import("./cleanup/cleanup.ts")).cleanup,
  vacuum: async () => (await import("./vacuum/vacuum.ts")).vacuum,
  "backup create": async () => (await import("./backup/create.ts")).backupCreate,
  "backup list": async () => (await import("./backup/list.ts")).backupList,
  "backup stats": async () => (await import("./backup/stats.ts")).backupStats,
  "backup show": async () => (await import("./backup/show.ts")).backupShow,
  "backup documents": async () => (await import("./backup/documents.ts")).backupDocuments,
  "backup diff": async () => (await import("./backup/diff.ts")).backupDiff,
  "backup verify": async () => (await import("./backup/verify.ts")).backupVerify,
  "backup prune": async () => (await import("./backup/prune.ts")).backupPrune,
  "backup export": async () => (await import("./backup/export.ts")).backupExport,
  "backup import": async () => (await import("./backup/import.ts")).backupImport,
  "backup key list": async () => (await import("./backup/key/list.ts")).backupKeyList,
  "backup key add-reader": async () => (await import("./backup/key/add-reader.ts")).backupKeyAddReader,
  "backup key add-writer": async () => (await import("./backup/key/add-writer.ts")).backupKeyAddWriter,
  "backup key add-passphrase": async () => (await import("./backup/key/add-passphrase.ts")).backupKeyAddPassphrase,
  "backup key remove-reader": async () => (await import("./backup/key/remove-reader.ts")).backupKeyRemoveReader,
  "backup key remove-writer": async () => (await import("./backup/key/remove-writer.ts")).backupKeyRemoveWriter,
  "backup key remove-passphrase": async () =>
    (await import("./backup/key/remove-passphrase.ts")).backupKeyRemovePassphrase,
  "restore plan": async () => (await import("./restore/plan.ts")).restorePlan,
  "restore apply": async () => (await import("./restore/apply.ts")).restoreApply,
  "restore document": async () => (await import("./restore/document.ts")).restoreDocument,
  "restore undo": async () => (await import("./restore/undo.ts")).restoreUndo,
  drill: async () => (await import("./drill/drill.ts")).drill,
  "keys create": async () => (await import("./keys/create.ts")).keysCreate,
  "keys list": async () => (await import("./keys/list.ts")).keysList,
  "keys revoke": async () => (await import("./keys/revoke.ts")).keysRevoke,
  "mode show": async () => (await import("./defence/mode-show.ts")).modeShow,
  "mode set": async () => (await import("./defence/mode-set.ts")).modeSet,
  block: async () => (await import("./defence/block.ts")).block,
  unblock: async () => (await import("./defence/unblock.ts")).unblock,
  "audit verify": async () => (await import("./audit/verify.ts")).auditVerify,
  "audit export": async () => (await import("./audit/export.ts")).auditExport,
  bootstrap: async () => (await import("./delivery/bootstrap.ts")).bootstrap,
  deploy: async () => (await import("./delivery/deploy.ts")).deploy,
  rollback: async () => (await import("./delivery/rollback.ts")).rollback,
  drift: async () => (await import("./delivery/drift.ts")).drift,
  adopt: async () => (await import("./delivery/adopt.ts")).adopt,
  "eval retrieval": async () => (await import("./eval/retrieval.ts")).evalRetrieval,
  "eval answers": async () => (await import("./eval/answers.ts")).evalAnswers,
  "eval site": async () => (await import("./eval/site.ts")).evalSite,
  "bench http": async () => (await import("./bench/http.ts")).benchHttp,
  "bench ingest": async () => (await import("./bench/ingest.ts")).benchIngest,
  "bench backup": async () => (await import("./bench/backup.ts")).benchBackup,
  completion: async () => (await import("./shell/completion.ts")).completionOf(allCommands),
};

/** What the first words of a path stand for, where several commands share them. */
export const AREAS: Readonly<Record<string, string>> = {
  alerts: "what fires, who is told, and the rules behind it",
  logs: "what the service logged, now and in the archive",
  report: "reports for people, with trends and recommendations",
  baseline: "what the figures of a good week were",
  incident: "incidents from opening to post-mortem",
  runbook: "runbooks: read them, run them, resume them",
  db: "the database: tables, slow statements, plans, indexes, consistency",
  queue: "the queue and its dead letters",
  secrets: "secrets of the service, changed without downtime",
  deps: "this repository's dependencies",
  schedule: "jobs with times: what is due, what ran, and their renderings",
  keys: "who may call the service",
  mode: "what the service does for whom while something is wrong",
  audit: "who did what to the service, and whether the record of it is whole",
  index: "the index in line with its sources",
  migrate: "the database's migrations: what has run, what waits, ways back",
  generation: "the generations of D1 and Vectorize: replace a store without losing a write, and go back",
  backup: "snapshots of everything a stack is, encrypted, incremental by row",
  "backup key": "who may read a repository, and who may add to it",
  restore: "bring a stack back to a snapshot or a moment, and undo that",
  eval: "quality on a data set, through the real Worker",
  bench: "speed and cost on this machine",
};

/** A command that the registry names. @throws when it does not, or when the file declares another path. */
export async function commandAt(path: string): Promise<Command> {
  const command = await COMMANDS[path]?.();
  if (command?.path !== path) throw new Error(`ops/registry.ts: "${path}" is declared as "${command?.path}"`);
  return command;
}

/** All commands, in the registry's order. */
export function allCommands(): Promise<Command[]> {
  return Promise.all(Object.keys(COMMANDS).map(commandAt));
}
