/** Documents that a service has before a test begins. */
import type { Service } from "../../worker/service.fixture.ts";

const DOCUMENTS = 60;

/** Sixty documents `stock/0` … in two collections; indexed when it returns. */
export async function putStock(service: Service): Promise<void> {
  const documents = Array.from({ length: DOCUMENTS }, (_, index) => ({
    id: `stock/${index}`,
    title: `Stock ${index}`,
    text: `Document number ${index} about shelf ${index % 7}. `.repeat(20),
    metadata: { collection: index % 2 === 0 ? "even" : "odd" },
  }));
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  await service.job(json.job_id);
}
