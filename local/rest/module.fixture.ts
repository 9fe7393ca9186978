/** A Worker's code as the API takes it: an ES module, whose name is `main_module`'s as well. */
export function uploadOf(code: string, name = "worker.js") {
  const module = {
    name,
    content_type: "application/javascript+module",
    content_base64: Buffer.from(code).toString("base64"),
  };
  return { main_module: name, modules: [module] };
}
