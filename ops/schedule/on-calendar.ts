/** A cron expression as systemd writes it (systemd.time(7)), in UTC. Pure. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/** `0 2 * * 0` → `Sun *-*-* 02:00:00 UTC`. @throws Error for what systemd cannot say: a day of the month or of the week. */
export function onCalendar(cron: string): string {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = cron.trim().split(/\s+/);
  if (day !== "*" && weekday !== "*")
    throw new Error(`"${cron}": cron means either of the two days, systemd both: make two jobs of it`);
  const days = weekday === "*" ? "" : `${weekdays(weekday)} `;
  return `${days}*-${field(month, 1, 12)}-${field(day, 1, 31)} ${field(hour, 0, 23)}:${field(minute, 0, 59)}:00 UTC`;
}

/**
 * Lists, ranges and steps, with the words of systemd. A step without an end has one here, `last`: after 29 December `01/7` is the 36th for
 * systemd 252, which goes on from 5 January and misses the first.
 */
function field(text: string, first: number, last: number): string {
  const parts = text.split(",").map((part) => {
    const [range = "", step] = part.split("/");
    const [from = "", to] = range.split("-").map((value) => (value === "*" ? value : value.padStart(2, "0")));
    if (step === undefined) return to === undefined ? from : `${from}..${to}`;
    const begin = from === "*" ? String(first).padStart(2, "0") : from;
    return `${begin}..${to ?? last}/${step}`;
  });
  return parts.join(",");
}

function weekdays(text: string): string {
  const named = (value: string) => DAYS[Number(value)] ?? value;
  return text
    .split(",")
    .map((part) => part.split("-").map(named).join(".."))
    .join(",");
}
