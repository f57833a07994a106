/** A receiver of webhooks: verifies each delivery, and processes each event once. */

import { createServer } from "node:http";
import { webhooks } from "@shop-backend/client";

// Two secrets, separated by a space, while the endpoint changes from one to the next
const secrets = (process.env.WEBHOOK_SECRET ?? "").split(" ");
const MAX_BODY = 1024 * 1024; // bytes
const seen = new Set<string>(); // a table with a unique key in production

/** Process an event once: deliveries are repeated, and come in any order. */
function handle(event: webhooks.WebhookEvent) {
  if (seen.has(event.id)) return;
  seen.add(event.id);
  console.log(event.type, event.subject);
}

const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  try {
    handle(await webhooks.verify(Buffer.concat(chunks), request.headers, secrets));
    response.writeHead(204).end();
  } catch (error) {
    response.writeHead(error instanceof webhooks.WebhookRejected ? 400 : 500).end();
  }
});

server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  const address = server.address();
  if (address && typeof address === "object") console.log(`Receiving at http://127.0.0.1:${address.port}/in`);
});
