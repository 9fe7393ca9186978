/** Where the Worker answers; with a zone also its firewall, its rate limit and Cloudflare's own health check. */
import { Healthcheck, Ruleset, WorkersCustomDomain } from "@pulumi/cloudflare";
import * as pulumi from "@pulumi/pulumi";
import { accountId, availableAlerts } from "./account.ts";
import { config, stack } from "./config.ts";
import { SERVICE } from "./inventory.ts";
import { worker, workerDeployment } from "./worker.ts";

const { zone } = config;

export const customDomain =
  zone &&
  new WorkersCustomDomain(
    `${SERVICE}-domain`,
    { accountId, zoneId: zone.id, hostname: zone.hostname, service: worker.name },
    { dependsOn: [workerDeployment] },
  );

/** Base of the HTTP API, without a trailing slash. */
export const url: pulumi.Output<string> =
  stack === "local"
    ? pulumi.output(config.local.url)
    : zone
      ? pulumi.output(`https://${zone.hostname}`)
      : worker.subdomain.apply((subdomain) => workersDevUrl(subdomain?.url));

function workersDevUrl(address: string | undefined): string {
  // Unknown in a preview before the Worker exists; an account without a workers.dev name never has it.
  if (address) return (/^https?:/.test(address) ? address : `https://${address}`).replace(/\/$/, "");
  if (pulumi.runtime.isDryRun()) return "";
  throw new pulumi.RunError(
    "The account has no workers.dev subdomain yet: open Workers in Cloudflare's dashboard once, or configure a zone " +
      `with: pulumi config set --path 'prism:zone.hostname' HOST --stack ${stack}`,
  );
}

/** Methods the API has; anything else is a probe. */
const METHODS = '{"GET" "HEAD" "POST" "PUT" "PATCH" "DELETE" "OPTIONS"}';
/** Files that scanners look for on every host. None of them is a path of this service. */
const PROBED =
  '(http.request.uri.path contains "/.env" or http.request.uri.path contains "/.git/" or http.request.uri.path contains "/wp-" or ends_with(http.request.uri.path, ".php"))';

if (zone) {
  const host = `http.host eq "${zone.hostname}"`;
  new Ruleset(`${SERVICE}-firewall`, {
    zoneId: zone.id,
    kind: "zone",
    name: "default",
    phase: "http_request_firewall_custom",
    rules: [
      {
        ref: "prism_methods",
        description: "Methods that the API does not have",
        expression: `${host} and not http.request.method in ${METHODS}`,
        action: "block",
        enabled: true,
      },
      {
        ref: "prism_probes",
        description: "Files that only scanners ask for",
        expression: `${host} and ${PROBED}`,
        action: "block",
        enabled: true,
      },
    ],
  });
  new Ruleset(`${SERVICE}-rate-limit`, {
    zoneId: zone.id,
    kind: "zone",
    name: "default",
    phase: "http_ratelimit",
    // One rule, 10 s and 10 s: what a free zone takes. The Worker's own limits are per key and finer.
    rules: [
      {
        ref: "prism_flood",
        description: "A flood from one address, before it costs requests of the Worker",
        expression: host,
        action: "block",
        enabled: true,
        ratelimit: {
          characteristics: ["ip.src", "cf.colo.id"],
          period: 10,
          requestsPerPeriod: 200,
          mitigationTimeout: 10,
        },
      },
    ],
  });
}

/** Null without a zone, or where the plan has no health checks; their alert is available exactly where they are. */
export const healthcheck =
  zone && availableAlerts.has("health_check_status_notification")
    ? new Healthcheck(
        `${SERVICE}-health`,
        {
          zoneId: zone.id,
          name: SERVICE,
          address: zone.hostname,
          type: "HTTPS",
          interval: 60,
          retries: 2,
          timeout: 5,
          consecutiveFails: 2,
          consecutiveSuccesses: 1,
          httpConfig: { method: "GET", path: "/health", port: 443, expectedCodes: ["200"] },
        },
        { dependsOn: customDomain ? [customDomain] : [] },
      )
    : null;

/** What an uptime service outside Cloudflare should watch. */
export const monitors = url.apply((base) => [
  { name: `${SERVICE} ${stack}`, url: `${base}/health`, method: "GET", expected_status: 200, interval_s: 60 },
]);
