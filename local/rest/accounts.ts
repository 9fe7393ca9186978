/** The little of users and accounts that the SDK, wrangler and Pulumi read before they start. */
import { Hono } from "hono";
import type { Engine } from "../engine.ts";
import type { Authenticated } from "./credentials.ts";
import { ApiError, ok } from "./envelope.ts";

/** `GET /user`, a token of itself, `/accounts`, `/accounts/:id` and its subscriptions, `/memberships`: one user, one account. */
export function accountRoutes(engine: Engine, plan: "free" | "paid"): Hono<Authenticated> {
  const account = {
    id: engine.account_id,
    name: "PRISM local",
    type: "standard",
    settings: { enforce_twofactor: false },
    created_on: "2026-01-01T00:00:00Z",
  };
  const one = { page: 1, per_page: 20, count: 1, total_count: 1, total_pages: 1 };
  return new Hono<Authenticated>()
    .get("/user", (c) => ok(c, { id: engine.account_id, email: "local@prism.invalid" }))
    .on("GET", ["/user/tokens/verify", "/accounts/:account_id/tokens/verify"], (c) =>
      ok(
        c,
        { id: c.get("token").id, status: "active" },
        { messages: [{ code: 10000, message: "This API Token is valid and active" }] },
      ),
    )
    .get("/accounts", (c) =>
      ok(c, c.req.query("page") === "1" || !c.req.query("page") ? [account] : [], { result_info: one }),
    )
    .get("/accounts/:account_id", (c) => {
      if (c.req.param("account_id") !== engine.account_id)
        throw new ApiError(403, 9109, "Unauthorized to access requested resource: no such account for this token");
      return ok(c, account);
    })
    .get("/accounts/:account_id/subscriptions", (c) => {
      const id = plan === "paid" ? "workers_paid" : "free";
      return ok(c, [{ id: engine.account_id, state: "Paid", rate_plan: { id, public_name: id, scope: "account" } }]);
    })
    .get("/memberships", (c) =>
      ok(c, [{ id: engine.account_id, status: "accepted", account, roles: ["Administrator"] }], { result_info: one }),
    );
}
