/**
 * The account that everything is declared in: what it is, what its plan allows, and what Cloudflare says about both.
 * Every file that declares something imports this one, so a question without an answer stops the program before that.
 */
import { askAvailableAlerts } from "./available-alerts.ts";
import { config } from "./config.ts";
import { PLANS } from "./limits.ts";
import { checkPlan } from "./plan-check.ts";

export const { accountId } = config;
export const plan = PLANS[config.plan];

await checkPlan();
/** Alert types of Cloudflare's notifications that the account may use. */
export const availableAlerts = await askAvailableAlerts();
