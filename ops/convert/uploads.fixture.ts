/** For tests: documents that are sent as files. */
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import type { Answer, Service } from "../../worker/service.fixture.ts";

export const PATH = "/api/v1/documents";

type Answered = Pick<Answer, "status" | "headers" | "json">;

export interface Uploads {
  post(path: string, body: BodyInit, headers: Record<string, string>): Promise<Answered>;
  /** Sends it as a form; by the type that its name tells, unless another one is given. */
  upload(
    name: string,
    content: Uint8Array | string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Answered>;
}

export function uploadsTo({ platform }: Service): Uploads {
  const post: Uploads["post"] = async (path, body, headers) => {
    const authorization = `Bearer ${platform.admin_key}`;
    const response = await fetch(`${platform.url}${path}`, {
      method: "POST",
      headers: { authorization, ...headers },
      body,
    });
    return { status: response.status, headers: response.headers, json: await response.json() };
  };
  return {
    post,
    upload(name, content, fields = {}, headers = {}) {
      const type = headers.type ?? mediaTypeOfName(name) ?? "";
      const form = new FormData();
      for (const [field, value] of Object.entries(fields)) form.set(field, value);
      form.set("file", new File([content as Uint8Array<ArrayBuffer>], name, { type }));
      return post(PATH, form, headers);
    },
  };
}
