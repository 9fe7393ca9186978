/** What operators are told by: the alert state, the book of status, and the archive of the audit log. No answer needs them. */
import { alertState } from "../../alerts/state.ts";
import { statusBook } from "../status.ts";
import { type Check, HEALTHY, rowsOf } from "./check.ts";

export const alerts: Check = {
  name: "alerts",
  test: "ask the alert state when it last evaluated the rules",
  async run({ env }) {
    await alertState(env).pulse();
    return HEALTHY;
  },
};

export const status: Check = {
  name: "status",
  test: "read an open incident from the book of status",
  async run({ env }) {
    await statusBook(env).incidents("open", null, 1);
    return HEALTHY;
  },
};

export const auditArchive: Check = {
  name: "audit_archive",
  test: "look for the newest archived segment of the audit log in R2",
  needs: ["database"],
  async run(work) {
    const bucket = work.env.AUDIT_ARCHIVE;
    // Where D1 fails, R2 can still be asked something.
    const [newest] = await rowsOf<{ object_key: string }>(
      work,
      "SELECT object_key FROM audit_anchors ORDER BY last_seq DESC LIMIT 1",
    ).catch(() => []);
    if (newest === undefined) {
      await bucket.list({ limit: 1 });
      return { status: "healthy", test: "list the archive of the audit log in R2" };
    }
    if ((await bucket.head(newest.object_key)) !== null) return HEALTHY;
    const detail = `the audit archive lacks ${newest.object_key}: runbooks/audit-chain-broken.md`;
    return { status: "unhealthy", detail };
  },
};
