/** KV: the answer cache, and the configuration and blocklist. */
import { WorkersKvNamespace } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { KV_NAMESPACES, nameInStack } from "./inventory.ts";
import { mapNouns } from "./nouns.ts";
import { keep } from "./protection.ts";

const namespace = ({ name }: { name: string }) =>
  new WorkersKvNamespace(name, { accountId, title: nameInStack(name, stack) }, keep(name));

export const namespaces = mapNouns(KV_NAMESPACES, namespace);
