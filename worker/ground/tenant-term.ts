import { hex } from "./digest.ts";

/**
 * The full-text term that confines a query to a tenant: one opaque token that the FTS5 tokenizer keeps whole
 * (lower-case letters and digits) and that Porter stemming leaves alone because it ends in a digit.
 */
export function tenantTerm(tenant: string): string {
  return `t${hex(new TextEncoder().encode(tenant))}0`;
}
