/** Send requests to a server that never responds, during garbage collections, and print their results. */

import { once } from "node:events";
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { createShop } from "../../dist/index.js";

const server = createServer((request, response) => {
  request.on("close", () => server.emit(`end of ${request.url}`));
  if (request.url?.includes("slow")) response.writeHead(200).write('{"id":');
  server.emit(`start of ${request.url}`);
});
await once(server.listen(0, "127.0.0.1"), "listening");
const collecting = setInterval(globalThis.gc, 10);

const baseUrl = `http://127.0.0.1:${server.address().port}`;
const hasty = createShop({ baseUrl, timeout: 500, attempts: 1 });
const patient = createShop({ baseUrl, timeout: 3_600_000, attempts: 1 });

/** Return the result once the server has seen the connection close. */
async function ending(path, work) {
  const end = once(server, `end of ${path}`);
  const error = await work.then(String, ({ name, cause }) => [name, cause?.name]);
  await end;
  return error;
}

async function aborted(path, productId) {
  const caller = new AbortController();
  const started = once(server, `start of ${path}`);
  const params = { path: { productId } };
  const work = patient.api.GET("/api/products/{productId}", { params, signal: caller.signal });
  const end = ending(path, work);
  await started;
  for (let round = 0; round < 50; round++) {
    globalThis.gc();
    await setImmediate();
  }
  caller.abort();
  return end;
}

const [read, placed, slow, abortedRead, abortedSlow] = await Promise.all([
  ending("/api/products/pear", hasty.products.get("pear")),
  ending("/api/users/me/orders", hasty.orders.place({ items: [] })),
  ending("/api/products/slow", hasty.products.get("slow")),
  aborted("/api/products/fig", "fig"),
  aborted("/api/products/slow-fig", "slow-fig"),
]);
console.log(JSON.stringify({ read, placed, slow, abortedRead, abortedSlow }));

clearInterval(collecting);
server.closeAllConnections();
server.close();
