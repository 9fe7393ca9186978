/** Who takes messages from the queues: the Worker, with the settings of the inventory. */
import { QueueConsumer } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { stack } from "./config.ts";
import { nameInStack, QUEUES } from "./inventory.ts";
import { queues } from "./queue.ts";
import { worker, workerDeployment } from "./worker.ts";

for (const [noun, queue] of Object.entries(QUEUES)) {
  const { consumer } = queue;
  new QueueConsumer(
    `${queue.name}-consumer`,
    {
      accountId,
      queueId: queues[noun as keyof typeof QUEUES].queueId,
      type: "worker",
      scriptName: worker.name,
      settings: {
        batchSize: consumer.max_batch_size,
        maxWaitTimeMs: consumer.max_batch_timeout_s * 1000,
        maxRetries: consumer.max_retries,
        retryDelay: consumer.retry_delay_s,
        maxConcurrency: consumer.max_concurrency,
      },
      ...("dead_letter" in queue ? { deadLetterQueue: nameInStack(queue.dead_letter, stack) } : {}),
    },
    // A consumer is refused until the script has a deployed queue handler; the dead-letter queue must exist as well.
    { dependsOn: [workerDeployment, queues.dead] },
  );
}
