/**
 * The Workers AI binding on this machine: an RPC entrypoint with the official interface (`env.AI.run`), forwarding
 * to the Node side. It runs in workerd as a Worker of its own, beside the unchanged bundle.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

export class AiBinding extends WorkerEntrypoint {
  async run(model, inputs, { signal, ...options } = {}) {
    const response = await this.env.NODE.fetch("http://ai/run", {
      method: "POST",
      body: JSON.stringify({ model, inputs, options }),
      signal,
    });
    if (!response.ok) throw new Error(await response.text());
    return inputs.stream ? response.body : await response.json();
  }
}

export default {
  fetch: () => new Response("The AI binding is called by RPC only.", { status: 404 }),
};
