/**
 * The fault and clock shim: an entry module *beside* the unchanged bundle. It wraps `env` so that a binding can
 * fail or slow down, and moves `Date` for simulated time. Only platforms started with
 * faults load it; benches run without.
 *
 * The plan is fetched from the Node side at every event, so a fault acts on the next request without a reload.
 */
import worker from "./worker.js";

export * from "./worker.js";

const RealDate = Date;
let clockOffsetMs = 0;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + clockOffsetMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + clockOffsetMs;
  }
};

/** Time that seems to have passed: a slow call in simulated time. */
let apparentMs = 0;
const realNow = performance.now.bind(performance);
Object.defineProperty(performance, "now", { value: () => realNow() + apparentMs });

async function plan(env) {
  const response = await env.__PRISM_FAULTS.fetch("http://faults/plan");
  const { clock_offset_ms, rules } = await response.json();
  clockOffsetMs = clock_offset_ms;
  return rules;
}

/** `env` with every binding a rule names replaced by a proxy that applies it. */
function faulty(env, rules) {
  const wrapped = { ...env };
  delete wrapped.__PRISM_FAULTS;
  for (const name of new Set(rules.map((rule) => rule.binding))) {
    if (wrapped[name])
      wrapped[name] = faultyBinding(
        wrapped[name],
        rules.filter((rule) => rule.binding === name),
      );
  }
  return wrapped;
}

function faultyBinding(binding, rules) {
  return new Proxy(binding, {
    get(target, property) {
      const value = target[property];
      if (typeof value !== "function") return value;
      // What a session of D1 is asked is asked of D1; how far it has seen costs no call.
      if (property === "withSession") return (...args) => faultyBinding(value.apply(target, args), rules);
      if (property === "getBookmark") return value.bind(target);
      const rule = rules.find((candidate) => !candidate.method || candidate.method === property);
      // Called as a method: any property of what an RPC stub has is a method of its object, `bind` and `apply` as well.
      if (!rule) return (...args) => target[property](...args);
      // D1's prepare() is synchronous: the fault must strike where the statement runs.
      if (property === "prepare") return (...args) => faultyStatement(value.apply(target, args), rule);
      // A Durable Object is had at once: the fault must strike where it is called.
      if (property === "idFromName") return value.bind(target);
      if (property === "get" && "idFromName" in target)
        return (...args) => faultyObject(value.apply(target, args), rules);
      return async (...args) => {
        await strike(rule);
        return target[property](...args);
      };
    },
  });
}

function faultyStatement(statement, rule) {
  return new Proxy(statement, {
    get(target, property) {
      const value = target[property];
      if (typeof value !== "function") return value;
      if (property === "bind") return (...args) => faultyStatement(value.apply(target, args), rule);
      return async (...args) => {
        await strike(rule);
        return value.apply(target, args);
      };
    },
  });
}

function faultyObject(stub, rules) {
  return new Proxy(stub, {
    get(target, method) {
      const rule = rules.find((candidate) => !candidate.method || candidate.method === method);
      return async (...args) => {
        if (rule) await strike(rule);
        return target[method](...args);
      };
    },
  });
}

async function strike(rule) {
  if (Math.random() >= (rule.probability ?? 1)) return;
  apparentMs += rule.apparent_ms ?? 0;
  if (rule.delay_ms) await new Promise((resolve) => setTimeout(resolve, rule.delay_ms));
  if (rule.error) throw new Error(rule.error);
}

export default {
  fetch: async (request, env, ctx) => worker.fetch(request, faulty(env, await plan(env)), ctx),
  scheduled: async (controller, env, ctx) => worker.scheduled(controller, faulty(env, await plan(env)), ctx),
  queue: async (batch, env, ctx) => worker.queue(batch, faulty(env, await plan(env)), ctx),
};
