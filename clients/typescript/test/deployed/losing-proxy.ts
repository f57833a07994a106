/** Stands between the client and the API, notes what is asked, and loses answers that are done. */

import { request as ask, createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export async function losingProxy(upstream: string) {
  const asked: string[] = [];
  const losing: string[] = [];
  const failing: string[] = [];

  const server = createServer(async (incoming, outgoing) => {
    const call = `${incoming.method} ${incoming.url?.split("?")[0]}`;
    asked.push(call);
    const body = await whole(incoming);
    const { method, headers } = incoming;
    const onward = ask(new URL(incoming.url ?? "", upstream), { method, headers });
    onward.on("response", async (answer) => {
      const got = await whole(answer);
      const done = (answer.statusCode ?? 500) < 300;
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
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(got);
    });
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${new URL(upstream).pathname}`,
    /** How often something that begins with this was asked. */
    times: (prefix: string) => asked.filter((call) => call.startsWith(prefix)).length,
    /** The next of these that is done has an answer that never arrives. */
    lose: (prefix: string) => void losing.push(prefix),
    /** The next of these that is done is answered with 503. */
    fail: (prefix: string) => void failing.push(prefix),
    stop: () => server.close(),
  };
}

const BUSY = JSON.stringify({
  error: { code: "SERVICE_UNAVAILABLE", message: "Try again later.", requestId: "proxy" },
});

/** Whether one of them begins the call, which it does once. */
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
