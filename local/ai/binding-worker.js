/**
 * The Workers AI binding on this machine: an RPC entrypoint with the official interface (`env.AI.run` and
 * `env.AI.toMarkdown`), forwarding
 * to the Node side. It runs in workerd beside the unchanged bundle.
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
    const isStream = response.headers.get("content-type") === "text/event-stream";
    return isStream ? response.body : await response.json();
  }

  async toMarkdown(files, { conversionOptions: _ } = {}) {
    const convert = async ({ name, blob }) => {
      const query = new URLSearchParams({ name, type: blob.type });
      const response = await this.env.NODE.fetch(`http://ai/to-markdown?${query}`, { method: "POST", body: blob });
      if (!response.ok) throw new Error(await response.text());
      return response.json();
    };
    return Array.isArray(files) ? Promise.all(files.map(convert)) : convert(files);
  }
}
