/** Orders to browsers for the pages that have a script: ours alone, which talks to this service alone and parses no text as markup. */

const POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "connect-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
  "require-trusted-types-for": "'script'",
  "trusted-types": "'none'",
};

/** The shells and their scripts change with a deployment only. */
const PAGE_CACHEABLE = { "cache-control": "public, max-age=300" };

export const SCRIPTED_PAGE = {
  ...PAGE_CACHEABLE,
  "content-security-policy": Object.entries(POLICY)
    .map(([name, value]) => `${name} ${value}`)
    .join("; "),
};

export const SCRIPT = { ...PAGE_CACHEABLE, "content-type": "text/javascript; charset=utf-8" };
