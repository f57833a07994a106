/** A fake API with one scripted step per request. */

import { createShop, type ErrorCode, inMemory, type ShopOptions } from "../src/index.js";

type Step = Response | Error | ((request: Request) => Response | Promise<Response>);

export function scripted(steps: Step[], options: Partial<ShopOptions> = {}) {
  const requests: Request[] = [];
  const fetch = async (input: Request, init: RequestInit) => {
    const request = new Request(input, init);
    requests.push(request.clone());
    const step = steps.shift();
    if (step === undefined) throw new Error(`unexpected request: ${request.method} ${request.url}`);
    if (step instanceof Error) throw step;
    return step instanceof Response ? step : step(request);
  };
  return { requests, shop: createShop({ baseUrl: "http://shop.test", fetch, ...options }) };
}

export const lost = () => new TypeError("fetch failed");

/** Never respond, even after an abort. */
export const never = () => new Promise<Response>(() => undefined);

export function jsonResponse(body: unknown, status = 200, headers: HeadersInit = {}): Response {
  return Response.json(body, { status, headers });
}

export function errorResponse(
  status: number,
  code: ErrorCode,
  headers: HeadersInit = {},
): Response {
  const details = [{ field: "body.name", code: "missing", message: "Field required" }];
  const error = { code, message: "No.", requestId: "0190a6b2", details };
  return Response.json({ error }, { status, headers });
}

export const grant = (name: string) =>
  jsonResponse(
    { accessToken: `access-${name}`, refreshToken: `refresh-${name}`, session: {} },
    201,
  );

export const loggedIn = (name = "old") =>
  inMemory({ accessToken: `access-${name}`, refreshToken: `refresh-${name}` });

export function headers(requests: Request[], name: string): (string | null)[] {
  return requests.map((request) => request.headers.get(name));
}

export function paths(requests: Request[]): string[] {
  return requests.map((request) => `${request.method} ${new URL(request.url).pathname}`);
}
