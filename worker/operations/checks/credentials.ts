/** What lets callers in, without a store: a key is made, read and hashed, a token is issued and read. Neither opens anything. */
import { formatKey, hashSecret, KEY_RANDOM_BYTES, parseKey } from "../../security/keys.ts";
import { issueToken, readToken } from "../../security/tokens.ts";
import { type Check, HEALTHY } from "./check.ts";

export const auth: Check = {
  name: "auth",
  test: "make, parse and hash a key; issue and read a token",
  async run({ env, now_ms }) {
    const made = formatKey(crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));
    const parsed = parseKey(made.key);
    const hashes = await Promise.all([made.secret, parsed?.secret ?? ""].map((one) => hashSecret(env.KEY_PEPPER, one)));
    if (parsed?.id !== made.id || hashes[0] !== hashes[1])
      return { status: "unhealthy", detail: "a key does not come back from its text" };
    const { token } = await issueToken(made.id, env.JWT_SECRET, now_ms);
    const read = await readToken(token, [env.JWT_SECRET], now_ms);
    return read?.key_id === made.id
      ? HEALTHY
      : { status: "unhealthy", detail: "a token is not accepted: see JWT_SECRET" };
  },
};
