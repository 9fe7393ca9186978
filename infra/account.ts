/** The account that everything is declared in, and what its plan allows. */
import { config } from "./config.ts";
import { PLANS } from "./limits.ts";

export const { accountId } = config;
export const plan = PLANS[config.plan];
