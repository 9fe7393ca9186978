/** For tests: a program that writes a snapshot, or prunes all but the newest. `node crash-work.fixture.ts PLACE KEY WORK` */
import { readFileSync } from "node:fs";
import { directoryStorage } from "../../storage/directory-storage.ts";
import { s3Storage } from "../../storage/s3-storage.ts";
import type { S3Place } from "../../storage/s3-wire.ts";
import { parseKey } from "./key-file.ts";
import { openRepository } from "./open-repository.ts";
import { snapshotOf } from "./repository.fixture.ts";

const [place = "", keyFile = "", work = ""] = process.argv.slice(2);
const s3 = place.startsWith("{") ? s3Storage(JSON.parse(place) as S3Place) : null;
const repository = await openRepository(
  s3 ?? directoryStorage(place),
  parseKey(readFileSync(keyFile, "utf8"), keyFile),
);
if (work === "prune") {
  const [newest] = await repository.listSnapshots();
  if (newest) await repository.prune(await repository.planPrune([newest.id]));
} else await snapshotOf(repository, work.split(","));
await repository.close();
s3?.close();
