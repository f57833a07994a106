import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NoAnswer, type Shop, ShopError } from "../../src/index.js";
import { answer, headers, lost, never, refusal, scripted } from "../scripted.js";

const ORDER = { items: [{ productId: "pear", quantity: 2 }] };
const ADA = { email: "ada@example.com", name: "Ada", password: "a long walk by the river" };
const BUSY = () => refusal(503, "SERVICE_UNAVAILABLE", { "Retry-After": "2" });
const TOO_MANY = (seconds: number) =>
  refusal(429, "TOO_MANY_REQUESTS", { "Retry-After": String(seconds) });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** What came of it once all waits are over. */
async function settled<Value>(work: Promise<Value>): Promise<Value | Error> {
  const caught = work.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return caught;
}

const REPEATABLE: [string, (shop: Shop) => Promise<unknown>][] = [
  ["reading", (shop) => shop.products.get("pear")],
  ["placing an order", (shop) => shop.orders.place(ORDER)],
  ["making a product", (shop) => shop.products.create({ ...PEAR })],
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

test.each(REPEATABLE)("%s is sent again after a lost answer", async (_, work) => {
  const { shop, requests } = scripted([lost(), BUSY(), answer({ id: "1" })]);

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
    "spending a mailed link",
    (shop) =>
      shop.api.PUT("/api/password-resets/{token}", {
        params: { path: { token: "mailed" } },
        body: { password: ADA.password },
      }),
  ],
];

test.each(ONCE)("%s is not sent again after a lost answer", async (_, work) => {
  const { shop, requests } = scripted([lost()]);

  expect(await settled(work(shop))).toBeInstanceOf(NoAnswer);
  expect(requests).toHaveLength(1);
});

test.each(ONCE)("%s is sent again where there were too many", async (_, work) => {
  const { shop, requests } = scripted([TOO_MANY(1), answer({ id: "1" })]);

  expect(await settled(work(shop))).not.toBeInstanceOf(Error);
  expect(requests).toHaveLength(2);
});

test("every try of an order has the same key and body, and the next order another key", async () => {
  const { shop, requests } = scripted([lost(), answer({}), answer({})]);

  await settled(shop.orders.place(ORDER));
  await settled(shop.orders.place(ORDER));

  const [first, again, next] = headers(requests, "Idempotency-Key");
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(again).toBe(first);
  expect(next).not.toBe(first);
  expect(await requests[1]?.json()).toEqual(ORDER);
});

test("one's own key is sent as it is", async () => {
  const { shop, requests } = scripted([answer({})]);

  await shop.orders.place(ORDER, "my-first-order");

  expect(headers(requests, "Idempotency-Key")).toEqual(["my-first-order"]);
});

test("nothing is sent before Retry-After is over", async () => {
  vi.spyOn(Math, "random").mockReturnValue(0);
  const { shop, requests } = scripted([BUSY(), answer({})]);

  const got = shop.products.get("pear");
  await vi.advanceTimersByTimeAsync(1_999);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);

  await got;
  expect(requests).toHaveLength(2);
});

test("waits are anything up to twice as long each time", async () => {
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

test("who is to wait too long is told so at once", async () => {
  const { shop, requests } = scripted([TOO_MANY(900)]);

  const error = await settled(shop.logIn(ADA));

  expect(error).toMatchObject({ code: "TOO_MANY_REQUESTS", status: 429, retryAfter: 900 });
  expect(requests).toHaveLength(1);
});

test("it gives up after four tries, or as many as one says", async () => {
  const tries = () => [lost(), lost(), lost(), lost(), answer({})];

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

test("a try that is too slow is ended, and another begins", async () => {
  vi.useRealTimers();
  const { shop, requests } = scripted([never, answer({ id: "pear" })], { timeout: 50 });

  expect(await shop.products.get("pear")).toEqual({ id: "pear" });
  expect(requests).toHaveLength(2);
});

test("who needs no answer any more ends it, also while it waits", async () => {
  const until = new AbortController();
  const { shop, requests } = scripted([BUSY()]);

  const got = shop.api.GET("/api/products", { signal: until.signal }).catch((error) => error);
  await vi.advanceTimersByTimeAsync(100);
  until.abort();

  expect(await got).toMatchObject({ name: "AbortError" });
  expect(requests).toHaveLength(1);
});

test("an answer that breaks off is a lost one", async () => {
  const broken = new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"id": "pe'));
        controller.error(lost());
      },
    }),
  );
  const { shop } = scripted([broken, answer({ id: "pear" })]);

  expect(await settled(shop.products.get("pear"))).toEqual({ id: "pear" });
});

test("a refusal says what programs and people need", async () => {
  const { shop } = scripted([refusal(422, "VALIDATION_ERROR")]);

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

test("what is not of the shop is no answer of it", async () => {
  const page = new Response("<h1>Welcome to the hotel</h1>", { status: 404 });
  const { shop } = scripted([page], { attempts: 1 });

  expect(await settled(shop.products.get("pear"))).toMatchObject({
    name: "NoAnswer",
    message: "No answer of the shop to GET /api/products/pear, but HTTP 404 of somebody else",
  });
});

test("a stage in the address stays in it", async () => {
  const { shop, requests } = scripted([answer({})], { baseUrl: "http://shop.test/prod/" });

  await shop.products.get("pear");

  expect(requests[0]?.url).toBe("http://shop.test/prod/api/products/pear");
});
