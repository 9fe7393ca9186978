/**
 * Loaded into the processes of a runbook (`node --import`): the engineer's machine has the platform's time. Constant for a process, as the
 * platform's clock stands still beside the machine's while a runbook runs.
 */
const offset_ms = Number(process.env.PRISM_CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + offset_ms;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, property) => (property === "now" ? now : Reflect.get(target, property)),
});
