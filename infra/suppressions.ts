/**
 * Known noise of the provider: differences that a refresh or a preview shows though nothing is wrong. Only `ops drift`
 * and `ops deploy` read this, to tell noise from drift; nothing is passed to the engine as `ignoreChanges`, which would
 * also hide real changes. An entry ends with the provider version that should have repaired it: a test then asks.
 */
interface Suppression {
  /** Pulumi's type token. */
  resource: string;
  /** Property, as a preview's `detailedDiff` names it; what is below it is covered as well. */
  property: string;
  reason: string;
  /** Where the defect is tracked. */
  issue: string;
  /** First version of @pulumi/cloudflare in which to look again. */
  until_provider_version: string;
}

const PROVIDER_ISSUES = "https://github.com/cloudflare/terraform-provider-cloudflare/issues";

export const SUPPRESSIONS: readonly Suppression[] = [
  {
    resource: "cloudflare:index/notificationPolicy:NotificationPolicy",
    property: "mechanisms.pagerduties",
    reason: "a mechanism that is not used is read back as absent and planned as an empty list, again and again",
    issue: `${PROVIDER_ISSUES}/7342`,
    until_provider_version: "6.24.0",
  },
  {
    resource: "cloudflare:index/notificationPolicy:NotificationPolicy",
    property: "mechanisms.emails",
    reason: "as mechanisms.pagerduties, where no address is configured",
    issue: `${PROVIDER_ISSUES}/7342`,
    until_provider_version: "6.24.0",
  },
  {
    resource: "cloudflare:index/workerVersion:WorkerVersion",
    property: "bindings[*].databaseId",
    reason: "computed fields are read back by position, and the API answers in another order: they land on a neighbour",
    issue: `${PROVIDER_ISSUES}/7370`,
    until_provider_version: "6.24.0",
  },
  {
    resource: "cloudflare:index/accountToken:AccountToken",
    property: "policies[*].permissionGroups",
    reason: "groups come back in another order, and an update to the old order is then refused",
    issue: `${PROVIDER_ISSUES}/7125`,
    until_provider_version: "6.24.0",
  },
];

/** A notice of the provider that says nothing about what a deployment does. `text` is part of it. */
interface SuppressedNotice extends Omit<Suppression, "property"> {
  text: string;
}

const UNDESTROYED = {
  text: "cannot be destroyed from Terraform",
  reason: "it belongs to a bucket or a Worker, which the stack keeps anyway: nothing is ever left over because of it",
  issue: "https://github.com/cloudflare/terraform-provider-cloudflare/blob/main/docs/resources",
  until_provider_version: "7.0.0",
};

export const NOTICES: readonly SuppressedNotice[] = [
  { resource: "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle", ...UNDESTROYED },
  { resource: "cloudflare:index/r2BucketLock:R2BucketLock", ...UNDESTROYED },
  { resource: "cloudflare:index/workersCronTrigger:WorkersCronTrigger", ...UNDESTROYED },
];

/** The entry that explains a warning as noise, or null if somebody should read it. */
export function suppressedNotice(resource: string, said: string, providerVersion: string): SuppressedNotice | null {
  return (
    NOTICES.find(
      (entry) =>
        entry.resource === resource &&
        said.includes(entry.text) &&
        isOlder(providerVersion, entry.until_provider_version),
    ) ?? null
  );
}

/**
 * The entry that explains a difference as noise, or null if the difference is real.
 *
 * @param property path in a `detailedDiff`, e.g. `bindings[3].databaseId`
 */
export function suppressionOf(resource: string, property: string, providerVersion: string): Suppression | null {
  const path = property.replace(/\[\d+\]/g, "[*]");
  return (
    SUPPRESSIONS.find(
      (entry) =>
        entry.resource === resource &&
        (path === entry.property || path.startsWith(`${entry.property}.`) || path.startsWith(`${entry.property}[`)) &&
        isOlder(providerVersion, entry.until_provider_version),
    ) ?? null
  );
}

/** Whether a version comes before another; both `major.minor.patch`. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) < 0;
}
