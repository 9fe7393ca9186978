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
  /** What is stored of a file that is sent as `type`, raw and in a form. @throws Error with what refused it. */
  textsOf(name: string, type: string, bytes: Uint8Array): Promise<[raw: string, form: string]>;
}

export function uploadsTo({ platform, call }: Service): Uploads {
  const post: Uploads["post"] = async (path, body, headers) => {
    const authorization = `Bearer ${platform.admin_key}`;
    const response = await fetch(`${platform.url}${path}`, {
      method: "POST",
      headers: { authorization, ...headers },
      body,
    });
    return { status: response.status, headers: response.headers, json: await response.json() };
  };
  const upload: Uploads["upload"] = (name, content, fields = {}, headers = {}) => {
    const type = headers.type ?? mediaTypeOfName(name) ?? "";
    const form = new FormData();
    for (const [field, value] of Object.entries(fields)) form.set(field, value);
    form.set("file", new File([content as Uint8Array<ArrayBuffer>], name, { type }));
    return post(PATH, form, headers);
  };
  const textOf = async ({ status, json }: Answered): Promise<string> => {
    if (status >= 300) throw new Error(`${status}: ${json.detail}`);
    return (await call("GET", `${PATH}/${encodeURIComponent(json.id)}`)).json.text;
  };
  return {
    post,
    upload,
    async textsOf(name, type, bytes) {
      const raw = await post(`${PATH}?id=raw`, bytes as BodyInit, { "content-type": type });
      const raw_text = await textOf(raw);
      return [raw_text, await textOf(await upload(name, bytes, { id: "in a form" }, { type }))];
    },
  };
}
