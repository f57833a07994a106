/** A proxy that records requests, and drops or replaces successful responses of the API. */

import { createServer, type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import type { AddressInfo } from "node:net";

export async function losingProxy(upstream: string) {
  const received: string[] = [];
  const losing: string[] = [];
  const failing: string[] = [];
  // Calls are named without the stage, which the path has on AWS.
  const stage = new URL(upstream).pathname.replace(/\/$/, "");
  const ask = upstream.startsWith("https:") ? overHttps : overHttp;

  const server = createServer(async (incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url?.split("?")[0]?.slice(stage.length)}`;
    received.push(call);
    const body = await whole(incoming);
    const { method } = incoming;
    // API Gateway finds the API by the host.
    const headers = { ...incoming.headers, host: new URL(upstream).host };
    const onward = ask(new URL(incoming.url ?? "", upstream), { method, headers });
    onward.on("response", async (response) => {
      const got = await whole(response);
      const done = (response.statusCode ?? 500) < 300;
      if (done && take(losing, call)) {
        incoming.socket.destroy();
        return;
      }
      if (done && take(failing, call)) {
        outgoing
          .writeHead(503, { "Content-Type": "application/json", "Retry-After": "1" })
          .end(BUSY);
        return;
      }
      outgoing.writeHead(response.statusCode ?? 500, response.headers).end(got);
    });
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${new URL(upstream).pathname}`,
    /** Count the requests with this prefix. */
    times: (prefix: string) => received.filter((call) => call.startsWith(prefix)).length,
    /** Drop the next successful response to a request with this prefix. */
    lose: (prefix: string) => void losing.push(prefix),
    /** Replace the next successful response to a request with this prefix by a 503. */
    fail: (prefix: string) => void failing.push(prefix),
    stop: () => server.close(),
  };
}

const BUSY = JSON.stringify({
  error: { code: "SERVICE_UNAVAILABLE", message: "Try again later.", requestId: "proxy" },
});

/** Remove the first prefix of the call, and return whether there was one. */
function take(prefixes: string[], call: string): boolean {
  const index = prefixes.findIndex((prefix) => call.startsWith(prefix));
  if (index >= 0) prefixes.splice(index, 1);
  return index >= 0;
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part);
  return Buffer.concat(parts);
}
