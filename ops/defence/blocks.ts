/** Of an address, or of a network whose slash belongs to it. */
export function blockPath(ip: string): string {
  return `/api/v1/blocklist/${encodeURIComponent(ip)}`;
}
