/** Calls of the platform's own REST API in this process, below its account: how the seed makes what others make over HTTP. */

import type { Hono } from "hono";
import type { Authenticated } from "./rest/credentials.ts";

export interface AccountApiInputs {
  api: Hono<Authenticated>;
  /** A token of the API. */
  token: string;
  account_id: string;
}

export class AccountApi {
  readonly #inputs: AccountApiInputs;

  constructor(inputs: AccountApiInputs) {
    this.#inputs = inputs;
  }

  /** The envelope's `result`. @throws Error with what the API refused, and why. */
  async send<T>(method: "POST" | "PUT", path: string, body: unknown): Promise<T> {
    const { status, text } = await this.#ask(method, path, JSON.stringify(body));
    if (status < 300) return JSON.parse(text).result;
    throw refused(method, path, text);
  }

  /** The envelope's `result`, or null where there is no such resource. @throws Error with what the API refused, and why. */
  async find<T>(path: string): Promise<T | null> {
    const { status, text } = await this.#ask("GET", path);
    if (status === 404) return null;
    if (status < 300) return JSON.parse(text).result;
    throw refused("GET", path, text);
  }

  /** A list that is always there, in full where it has at most 100 entries. */
  async list<T>(path: string): Promise<T[]> {
    return (await this.find<T[]>(`${path}?per_page=100`)) ?? [];
  }

  async #ask(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    const { api, token, account_id } = this.#inputs;
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const response = await api.request(`/accounts/${account_id}${path}`, { method, headers, ...(body && { body }) });
    return { status: response.status, text: await response.text() };
  }
}

function refused(method: string, path: string, answer: string): Error {
  return new Error(`the local account cannot be made: ${method} ${path}: ${answer}`);
}
