/** Bench peer: does nothing but compute, for as many steps as asked. What a profiler's samples are weighed against. */
export default {
  fetch(request: Request): Response {
    const steps = Number(new URL(request.url).searchParams.get("steps"));
    let hash = 0;
    for (let step = 0; step < steps; step += 1) hash = Math.imul(hash ^ step, 0x01000193);
    return new Response(String(hash));
  },
};
