/** A program that forgot to protect a store, for the test of the policy pack. */
import { R2Bucket } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";

new R2Bucket("forgotten", { accountId, name: "forgotten" });
