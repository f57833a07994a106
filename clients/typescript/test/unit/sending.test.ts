import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createShop, NoAnswer, type Shop, ShopError } from "../../src/index.js";
import {
  errorResponse,
  grant,
  headers,
  jsonResponse,
  loggedIn,
  lost,
  never,
  scripted,
} from "../scripted.js";

const ORDER = { items: [{ productId: "pear", quantity: 2 }] };
const ADA = { email: "ada@example.com", name: "Ada", password: "a long walk by the river" };
const BUSY = () => errorResponse(503, "SERVICE_UNAVAILABLE", { "Retry-After": "2" });
const TOO_MANY = (seconds: number) =>
  errorResponse(429, "TOO_MANY_REQUESTS", { "Retry-After": String(seconds) });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Return the result or error after all timers. */
async function settled<Value>(work: Promise<Value>): Promise<Value | Error> {
  const caught = work.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return caught;
}

const REPEATABLE: [string, (shop: Shop) => Promise<unknown>][] = [
  ["reading", (shop) => shop.products.get("pear")],
  ["placing an order", (shop) => shop.orders.place(ORDER)],
  ["creating a product", (shop) => shop.products.create({ ...PEAR })],
  ["setting fields", (shop) => shop.products.update("pear", { price: "2.00" })],
  ["replacing", (shop) => shop.users.replace("ada", USER)],
  ["deleting", (shop) => shop.products.delete("pear")],
  [
    "moving stock of a known version",
    (shop) =>
      shop.api.PATCH("/api/products/{productId}", {
        params: { path: { productId: "pear" }, header: { "If-Match": '"1"' } },
        body: { stockDelta: -3 },
      }),
  ],
];
const PEAR = { sku: "PEAR", name: "A pear", price: "1.00", currency: "EUR", stock: 1 } as const;
const USER = { email: ADA.email, name: "Ada", status: "active", role: "customer" } as const;

test.each(REPEATABLE)("%s is retried after a lost response", async (name, work) => {
  const done = name === "deleting" ? noContent(204) : jsonResponse({ id: "1" });
  const { shop, requests } = scripted([lost(), BUSY(), done]);

  expect(await settled(work(shop))).not.toBeInstanceOf(Error);
  expect(requests).toHaveLength(3);
});

const ONCE: [string, (shop: Shop) => Promise<unknown>][] = [
  ["signing up", (shop) => shop.signUp(ADA)],
  ["logging in", (shop) => shop.logIn(ADA)],
  ["moving stock", (shop) => shop.products.update("pear", { stockDelta: -3 })],
  [
    "changing a password",
    (shop) => shop.users.changePassword({ currentPassword: "old", newPassword: "new" }),
  ],
  [
    "using an emailed link",
    (shop) =>
      shop.api.PUT("/api/password-resets/{token}", {
        params: { path: { token: "mailed" } },
        body: { password: ADA.password },
      }),
  ],
  [
    "signing up with a key",
    (shop) => shop.api.POST("/api/users", { body: ADA, headers: { "Idempotency-Key": "k" } }),
  ],
];

const DOCUMENT = JSON.parse(
  readFileSync(new URL("../../../../docs/openapi.json", import.meta.url), "utf8"),
) as { paths: Record<string, { post?: { parameters?: { $ref?: string }[] } }> };
const POSTS = Object.entries(DOCUMENT.paths).flatMap(([path, { post }]) =>
  post === undefined ? [] : [[path, post.parameters ?? []] as const],
);

test.each(POSTS)("POST %s is retried if its key covers it", async (path, parameters) => {
  // GraphQL's key covers new orders and products only, not a change of stock in the same document.
  const isKeyed =
    path !== "/graphql" && parameters.some(({ $ref }) => $ref?.endsWith("/IdempotencyKey"));
  const { shop, requests } = scripted([lost(), lost()], { attempts: 2 });
  const post = shop.api.POST as (path: string, options: object) => Promise<unknown>;

  const ids = { userId: "me", clientId: "c1" };
  await settled(post(path, { params: { path: ids }, headers: { "Idempotency-Key": "k" } }));

  expect(requests).toHaveLength(isKeyed ? 2 : 1);
});

test.each(ONCE)("%s is not retried after a lost response", async (_, work) => {
  const { shop, requests } = scripted([lost()]);

  expect(await settled(work(shop))).toBeInstanceOf(NoAnswer);
  expect(requests).toHaveLength(1);
});

test.each(ONCE)("%s is retried after a 429", async (name, work) => {
  const done = {
    "logging in": grant("new"),
    "changing a password": noContent(204),
    "using an emailed link": noContent(204),
  }[name];
  const { shop, requests } = scripted([TOO_MANY(1), done ?? jsonResponse({ id: "1" })]);

  expect(await settled(work(shop))).not.toBeInstanceOf(Error);
  expect(requests).toHaveLength(2);
});

test("attempts of one order share key and body, and the next order has another key", async () => {
  const { shop, requests } = scripted([
    lost(),
    jsonResponse({ id: "1" }),
    jsonResponse({ id: "1" }),
  ]);

  await settled(shop.orders.place(ORDER));
  await settled(shop.orders.place(ORDER));

  const [first, again, next] = headers(requests, "Idempotency-Key");
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(again).toBe(first);
  expect(next).not.toBe(first);
  expect(await requests[1]?.json()).toEqual(ORDER);
});

test("idempotency key of the caller is sent unchanged", async () => {
  const { shop, requests } = scripted([jsonResponse({ id: "1" })]);

  await shop.orders.place(ORDER, "my-first-order");

  expect(headers(requests, "Idempotency-Key")).toEqual(["my-first-order"]);
});

test("retries wait for Retry-After", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const { shop, requests } = scripted([BUSY(), jsonResponse({ id: "1" })]);

  const got = shop.products.get("pear");
  await vi.advanceTimersByTimeAsync(1_999);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);

  await got;
  expect(requests).toHaveLength(2);
});

const AT = Date.UTC(2026, 10, 29, 14, 0, 0);
const date = (seconds: number) => new Date(AT + seconds * 1000).toUTCString();
const proxied = (status: number, headers: HeadersInit) =>
  new Response("<h1>Too busy</h1>", { status, headers });

test.each<[string, () => Response, number]>([
  ["a date", () => errorResponse(503, "SERVICE_UNAVAILABLE", { "Retry-After": date(3) }), 3_000],
  [
    "an obsolete date format",
    () => proxied(503, { "Retry-After": "Sunday, 29-Nov-26 14:00:03 GMT" }),
    3_000,
  ],
  [
    "a date without a zone",
    () => proxied(503, { "Retry-After": "Sun Nov 29 14:00:03 2026" }),
    3_000,
  ],
  [
    "a date by a clock one hour ahead",
    () => proxied(503, { "Retry-After": date(3603), Date: date(3600) }),
    3_000,
  ],
  ["a proxy's 503", () => proxied(503, { "Retry-After": "3" }), 3_000],
  ["a proxy's 429", () => proxied(429, { "Retry-After": "3" }), 3_000],
  ["a date in the past", () => proxied(503, { "Retry-After": date(-3) }), 0],
  ["an invalid value", () => proxied(503, { "Retry-After": "soon" }), 0],
])("Retry-After of %s is observed", async (_, response, wait) => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  vi.setSystemTime(AT);
  vi.spyOn(Math, "random").mockReturnValue(0);
  const times: number[] = [];
  const noted = (next: Response) => () => {
    times.push(Date.now());
    return next;
  };
  const { shop } = scripted([noted(response()), noted(jsonResponse({ id: "1" }))]);

  await settled(shop.products.get("pear"));

  expect(times).toEqual([AT, AT + wait]);
  vi.unstubAllEnvs();
});

test("Retry-After of a proxy above longestWait fails at once", async () => {
  const { shop, requests } = scripted([proxied(429, { "Retry-After": "900" })]);

  const error = await settled(shop.products.get("pear"));

  expect(error).toMatchObject({ name: "NoAnswer", retryAfter: 900 });
  expect(requests).toHaveLength(1);
});

test("waits are random, with an upper bound that doubles each time", async () => {
  const times: number[] = [];
  const busy = () => {
    times.push(Date.now());
    throw lost();
  };

  for (const [drawn, longest] of [
    [0, [0, 0, 0]],
    [1, [200, 400, 800]],
  ] as const) {
    vi.spyOn(Math, "random").mockReturnValue(drawn);
    times.length = 0;
    await settled(scripted([busy, busy, busy, busy]).shop.products.get("pear"));

    expect(times.slice(1).map((time, index) => time - (times[index] ?? 0))).toEqual(longest);
  }
});

test("Retry-After above longestWait fails at once", async () => {
  const { shop, requests } = scripted([TOO_MANY(900)]);

  const error = await settled(shop.logIn(ADA));

  expect(error).toMatchObject({ code: "TOO_MANY_REQUESTS", status: 429, retryAfter: 900 });
  expect(requests).toHaveLength(1);
});

test.each(ONCE)("mayBeDone is true after a 503 or 500 to %s", async (_, work) => {
  for (const [status, code] of [
    [503, "SERVICE_UNAVAILABLE"],
    [500, "INTERNAL_ERROR"],
  ] as const) {
    const { shop, requests } = scripted([errorResponse(status, code)]);

    expect(await settled(work(shop))).toMatchObject({ code, mayBeDone: true });
    expect(requests).toHaveLength(1);
  }
});

test("retries end after four attempts, or as configured", async () => {
  const tries = () => [lost(), lost(), lost(), lost(), jsonResponse({ id: "1" })];

  for (const [options, sent] of [
    [{}, 4],
    [{ attempts: 2 }, 2],
  ] as const) {
    const { shop, requests } = scripted(tries(), options);
    const error = await settled(shop.products.get("pear"));

    expect(error).toBeInstanceOf(NoAnswer);
    expect(error).toMatchObject({ message: "No answer of the shop to GET /api/products/pear" });
    expect(requests).toHaveLength(sent);
  }
});

test("undefined options have their defaults", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const fetch = vi.fn().mockRejectedValue(lost());
  vi.stubGlobal("fetch", fetch);
  const shop = createShop({
    baseUrl: "http://shop.test",
    tokens: undefined,
    onSessionEnd: undefined,
    fetch: undefined,
    timeout: undefined,
    attempts: undefined,
    longestWait: undefined,
  });

  expect(await settled(shop.products.get("pear"))).toBeInstanceOf(NoAnswer);
  expect(fetch).toHaveBeenCalledTimes(4);

  fetch.mockReset().mockImplementation(never);
  const slow = shop.products.get("pear").catch((error) => error);
  await vi.advanceTimersByTimeAsync(14_999);
  expect(fetch).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2); // the sleep takes a tick too
  expect(fetch).toHaveBeenCalledTimes(2);
  await vi.runAllTimersAsync();
  expect(await slow).toMatchObject({ cause: { name: "TimeoutError" } });
});

test("attempt that times out is followed by another", async () => {
  vi.useRealTimers();
  const { shop, requests } = scripted([never, jsonResponse({ id: "pear" })], { timeout: 50 });

  expect(await shop.products.get("pear")).toEqual({ id: "pear" });
  expect(requests).toHaveLength(2);
});

test("abort during a wait ends the retries", async () => {
  const until = new AbortController();
  const { shop, requests } = scripted([BUSY()]);

  const got = shop.api.GET("/api/products", { signal: until.signal }).catch((error) => error);
  await vi.advanceTimersByTimeAsync(100);
  until.abort();

  expect(await got).toMatchObject({ name: "AbortError" });
  expect(requests).toHaveLength(1);
});

test("abort rejects at once, though fetch continues", async () => {
  const caller = new AbortController();
  const { shop } = scripted([never]);

  const got = shop.api.GET("/api/products", { signal: caller.signal });
  caller.abort(new Error("The page was left."));

  await expect(got).rejects.toThrow("The page was left.");
});

test("aborted request is not sent", async () => {
  const { shop, requests } = scripted([]);

  const got = shop.api.GET("/api/products", { signal: AbortSignal.abort() });

  await expect(got).rejects.toMatchObject({ name: "AbortError" });
  expect(requests).toHaveLength(0);
});

test("timeout aborts fetch, so the connection closes", async () => {
  let signal: AbortSignal | null | undefined;
  const fetch = (_: Request, init: RequestInit) => {
    signal = init.signal;
    return never();
  };
  const shop = createShop({ baseUrl: "http://shop.test", fetch, timeout: 50, attempts: 1 });

  const error = await settled(shop.products.get("pear"));

  expect(error).toMatchObject({ cause: { name: "TimeoutError" } });
  expect(signal?.aborted).toBe(true);
});

test("infinite timeout never expires", async () => {
  const { shop } = scripted([never], { timeout: Number.POSITIVE_INFINITY, attempts: 1 });
  let ended = false;

  void shop.products.get("pear").catch(() => {
    ended = true;
  });
  await vi.advanceTimersByTimeAsync(3_600_000);

  expect(ended).toBe(false);
});

test.each<[string, () => void]>([
  ["on plain-http pages", () => vi.stubGlobal("crypto", withoutRandomUuid())],
  ["without crypto", () => vi.stubGlobal("crypto", undefined)],
  [
    "without new AbortSignal methods",
    () => {
      for (const name of ["any", "timeout", "abort"]) {
        vi.spyOn(AbortSignal, name as "any").mockImplementation(missing(`AbortSignal.${name}`));
      }
      const { prototype } = AbortSignal;
      vi.spyOn(prototype, "throwIfAborted").mockImplementation(missing("throwIfAborted"));
    },
  ],
])("client works %s", async (_, remove) => {
  const { shop, requests } = scripted(
    [
      lost(),
      jsonResponse({ id: "1" }),
      jsonResponse({ id: "1" }),
      errorResponse(401, "UNAUTHORIZED"),
      grant("new"),
      jsonResponse({ id: "1" }),
      never,
    ],
    { tokens: loggedIn() },
  );
  const until = new AbortController();
  remove();

  await settled(shop.orders.place(ORDER));
  await settled(shop.orders.place(ORDER));
  expect(await settled(shop.users.get())).toEqual({ id: "1" });
  const stopped = shop.api.GET("/api/products", { signal: until.signal });
  until.abort();

  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  const [first, again, next] = headers(requests, "Idempotency-Key");
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect(again).toBe(first);
  expect(next).toMatch(/^[0-9a-f]{32}$/);
  expect(next).not.toBe(first);
});

const missing = (name: string) => () => {
  throw new TypeError(`${name} is not a function`);
};

function withoutRandomUuid() {
  return { getRandomValues: (bytes: Uint8Array) => webcrypto.getRandomValues(bytes) };
}

test("abort without a reason is an AbortError", async () => {
  vi.spyOn(AbortSignal.prototype, "reason", "get").mockReturnValue(undefined);
  const { shop } = scripted([]);

  const got = shop.api.GET("/api/products", { signal: AbortSignal.abort() });

  await expect(got).rejects.toMatchObject({ name: "AbortError" });
});

test("truncated response counts as lost", async () => {
  const broken = new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"id": "pe'));
        controller.error(lost());
      },
    }),
  );
  const { shop } = scripted([broken, jsonResponse({ id: "pear" })]);

  expect(await settled(shop.products.get("pear"))).toEqual({ id: "pear" });
});

test("ShopError has status, code, message, request id and details", async () => {
  const { shop } = scripted([errorResponse(422, "VALIDATION_ERROR")]);

  const error = await settled(shop.signUp(ADA));

  expect(error).toBeInstanceOf(ShopError);
  expect(error).toMatchObject({
    status: 422,
    code: "VALIDATION_ERROR",
    message: "No.",
    requestId: "0190a6b2",
    details: [{ field: "body.name", code: "missing" }],
    retryAfter: undefined,
    mayBeDone: false,
  });
});

const HTML = "<h1>Welcome to the hotel</h1>";
const redirected = (response: Response) =>
  Object.defineProperty(response, "redirected", { value: true });

test.each<[string, () => Response, number]>([
  ["HTML with 200", () => new Response(HTML), 200],
  ["an empty body with 200", () => new Response(null), 200],
  ["null", () => jsonResponse(null), 200],
  ["an array", () => jsonResponse([]), 200],
  ["a redirect", () => new Response(null, { status: 301, headers: { Location: "/" } }), 301],
  [
    "a response after a redirect that was followed",
    () => redirected(jsonResponse({ data: [] })),
    200,
  ],
  ["a redirect in a browser", () => Response.error(), 0],
  ["an error in HTML", () => new Response(HTML, { status: 404 }), 404],
  ["an error of a gateway", () => jsonResponse({ message: "Forbidden" }, 403), 403],
  ["an error that is a string", () => jsonResponse({ error: "invalid_grant" }, 400), 400],
  ["an error that is null", () => jsonResponse({ error: null }, 400), 400],
])("%s is NoAnswer", async (_, response, status) => {
  const { shop, requests } = scripted([response(), response()], { attempts: 1 });

  for (const [work, received] of [
    [() => shop.products.get("pear"), "GET /api/products/pear"],
    [() => shop.orders.place(ORDER), "POST /api/users/me/orders"],
  ] as const) {
    const error = await settled<unknown>(work());
    const message = `No answer of the shop to ${received}, but HTTP ${status} of somebody else`;
    expect(error).toBeInstanceOf(NoAnswer);
    expect(error).toMatchObject({ name: "NoAnswer", message, mayBeDone: true });
  }
  expect(requests).toHaveLength(2);
});

test("redirects are not followed", async () => {
  vi.useRealTimers();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(301, { Location: "/elsewhere" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const shop = createShop({ baseUrl, attempts: 1 });

  await expect(shop.orders.place(ORDER)).rejects.toBeInstanceOf(NoAnswer);

  expect(asked).toEqual(["POST /api/users/me/orders"]);
  server.close();
});

test("responses without a body need none", async () => {
  const none = (status: number) => new Response(null, { status });
  const { shop } = scripted([none(204), none(304), none(200)]);
  const headers = { "If-None-Match": '"1"' };

  expect(await shop.products.delete("pear")).toBeUndefined();
  expect((await shop.api.GET("/api/products", { headers })).response.status).toBe(304);
  expect((await shop.api.request("head" as "get", "/health")).response.status).toBe(200);
});

const GET_PEAR = (shop: Shop) => shop.products.get("pear");
const PLACE = (shop: Shop) => shop.orders.place(ORDER);
const PAGE = { data: [], meta: { nextCursor: null } };
const noContent = (status: number) => new Response(null, { status });

test.each<[string, (shop: Shop) => Promise<unknown>, () => Response]>([
  ["read: unexpected 204", GET_PEAR, () => noContent(204)],
  ["read: 304 without If-None-Match", GET_PEAR, () => noContent(304)],
  ["read: 301 with an error", GET_PEAR, () => errorResponse(301, "NOT_FOUND")],
  ["read: object without id", GET_PEAR, () => jsonResponse({})],
  ["read: id that is no string", GET_PEAR, () => jsonResponse({ id: 1 })],
  ["place: 200 {}", PLACE, () => jsonResponse({})],
  ["place: 201 {}", PLACE, () => jsonResponse({}, 201)],
  ["place: 202 {}", PLACE, () => jsonResponse({}, 202)],
  ["place: 204", PLACE, () => noContent(204)],
  ["place: list page", PLACE, () => jsonResponse(PAGE)],
  ["product create: {}", (shop) => shop.products.create({ ...PEAR }), () => jsonResponse({}, 201)],
  ["signUp: {}", (shop) => shop.signUp(ADA), () => jsonResponse({}, 201)],
  ["user replace: {}", (shop) => shop.users.replace("ada", USER), () => jsonResponse({})],
  ["order update: {}", (shop) => shop.orders.cancel("1"), () => jsonResponse({})],
  ["delete: 200 {}", (shop) => shop.products.delete("pear"), () => jsonResponse({})],
  ["logOut: 202 {}", (shop) => shop.logOut(), () => jsonResponse({}, 202)],
  [
    "changePassword: 200 {}",
    (shop) => shop.users.changePassword({ currentPassword: "old", newPassword: "new" }),
    () => jsonResponse({}),
  ],
  ["verifyEmail: 200 {}", (shop) => shop.verifyEmail("mailed"), () => jsonResponse({})],
  ["requestPasswordReset: 204", (shop) => shop.requestPasswordReset("a@b.c"), () => noContent(204)],
  [
    "requestPasswordReset: 200",
    (shop) => shop.requestPasswordReset("a@b.c"),
    () => jsonResponse({ status: "ok" }),
  ],
  [
    "requestEmailVerification: 200",
    (shop) => shop.requestEmailVerification(),
    () => jsonResponse({}),
  ],
  ["sessions.list: {}", (shop) => shop.sessions.list(), () => jsonResponse({})],
  ["sessions.list: no meta", (shop) => shop.sessions.list(), () => jsonResponse({ data: [] })],
  ["list: 204", (shop) => shop.products.list().next(), () => noContent(204)],
  ["list: single resource", (shop) => shop.orders.list().next(), () => jsonResponse({ id: "1" })],
])("foreign success is NoAnswer after %s", async (_, work, response) => {
  const baseUrl = "http://shop.test/prod";
  const { shop } = scripted([response()], { attempts: 1, baseUrl });

  const error = await settled(work(shop));

  expect(error).toBeInstanceOf(NoAnswer);
  expect(error).toMatchObject({ mayBeDone: true });
});

test("stage in the base URL is kept", async () => {
  const { shop, requests } = scripted([jsonResponse({ id: "1" })], {
    baseUrl: "http://shop.test/prod/",
  });

  await shop.products.get("pear");

  expect(requests[0]?.url).toBe("http://shop.test/prod/api/products/pear");
});
