/** What a deployment may do on the account: of the token that the program declares, and of the first one, which bootstrap makes. */

export const DEPLOY_PERMISSIONS = [
  "Account API Tokens Write",
  "Account Settings Read",
  "Billing Read",
  "D1 Write",
  "Notifications Write",
  "Queues Write",
  "Vectorize Write",
  "Workers AI Read",
  "Workers KV Storage Write",
  "Workers R2 Storage Write",
  "Workers Scripts Write",
] as const;

/** Besides, where the plan has Logpush. */
export const LOGPUSH_PERMISSIONS = ["Logs Write"] as const;
