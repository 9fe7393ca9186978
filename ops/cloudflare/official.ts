/**
 * The official client with the parts of Cloudflare's API that PRISM uses. The whole of it makes an object for each of a hundred and twenty
 * products whenever a command starts. Loaded through `sdk.ts`; elsewhere only its types are imported.
 */
import { BaseCloudflare } from "cloudflare/client";
import { APIError } from "cloudflare/error";
import { Accounts } from "cloudflare/resources/accounts/accounts";
import { AI } from "cloudflare/resources/ai/ai";
import { Alerting } from "cloudflare/resources/alerting/alerting";
import { D1Resource } from "cloudflare/resources/d1/d1";
import { KV } from "cloudflare/resources/kv/kv";
import { Logpush } from "cloudflare/resources/logpush/logpush";
import { Queues } from "cloudflare/resources/queues/queues";
import { R2 } from "cloudflare/resources/r2/r2";
import { User } from "cloudflare/resources/user/user";
import { Vectorize } from "cloudflare/resources/vectorize/vectorize";
import { Workers } from "cloudflare/resources/workers/workers";
import { Zones } from "cloudflare/resources/zones/zones";

export class Cloudflare extends BaseCloudflare {
  static readonly APIError = APIError;

  readonly accounts = new Accounts(this);
  readonly ai = new AI(this);
  readonly alerting = new Alerting(this);
  readonly d1 = new D1Resource(this);
  readonly kv = new KV(this);
  readonly logpush = new Logpush(this);
  readonly queues = new Queues(this);
  readonly r2 = new R2(this);
  readonly user = new User(this);
  readonly vectorize = new Vectorize(this);
  readonly workers = new Workers(this);
  readonly zones = new Zones(this);
}
