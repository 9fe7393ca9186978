import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";

/** File of one of Miniflare's own Durable Objects below its folder. The file's name is workerd's id for the object's name. */
export function durableObjectFile(folder: string, class_name: string, name: string): string {
  const namespace = `miniflare-${class_name}`;
  const key = createHash("sha256").update(namespace).digest();
  const nameHmac = createHmac("sha256", key).update(name).digest().subarray(0, 16);
  const hmac = createHmac("sha256", key).update(nameHmac).digest().subarray(0, 16);
  return join(folder, namespace, `${Buffer.concat([nameHmac, hmac]).toString("hex")}.sqlite`);
}
