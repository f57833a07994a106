import { beforeEach, expect, test, vi } from "vitest";
import {
  errorResponse,
  headers,
  jsonResponse,
  loggedIn,
  lost,
  paths,
  scripted,
} from "../scripted.js";

const STALE = () => errorResponse(412, "PRECONDITION_FAILED");
const pear = (version: number) =>
  jsonResponse({ id: "pear", price: `${version}.00` }, 200, { ETag: `"${version}"` });

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});

test("edit computes the change again after a concurrent change", async () => {
  const { shop, requests } = scripted([pear(1), STALE(), pear(2), pear(3)]);

  await shop.products.edit("pear", ({ price }) => ({ price: `${price.slice(0, -1)}9` }));

  expect(headers(requests, "If-Match")).toEqual([null, '"1"', null, '"2"']);
  expect(await requests[3]?.json()).toEqual({ price: "2.09" });
});

test("edit that may have been committed is not repeated", async () => {
  const { shop, requests } = scripted([pear(1), lost(), STALE()]);

  await expect(shop.products.edit("pear", () => ({ stockDelta: -1 }))).rejects.toMatchObject({
    code: "PRECONDITION_FAILED",
    mayBeDone: true,
  });
  expect(requests).toHaveLength(3);
});

test("edit ends after five concurrent changes", async () => {
  const steps = Array.from({ length: 5 }, (_, version) => [pear(version), STALE()]).flat();

  await expect(
    scripted(steps).shop.products.edit("pear", () => ({ name: "A" })),
  ).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test("edit writes nothing if the read had no ETag", async () => {
  const { shop, requests } = scripted([jsonResponse({ id: "pear" })]);

  const edited = shop.products.edit("pear", () => ({ name: "A" }));

  await expect(edited).rejects.toMatchObject({ name: "NoAnswer" });
  expect(paths(requests)).toEqual(["GET /api/products/pear"]);
});

test("order cancellation returns the order that a lost attempt cancelled", async () => {
  const refused = () => errorResponse(409, "INVALID_TRANSITION");
  const cancelled = { id: "1", status: "cancelled" };

  const { shop } = scripted([lost(), refused(), jsonResponse(cancelled)]);
  expect(await shop.orders.cancel("1")).toEqual(cancelled);

  // An order that was processed, or cancelled before, is an error.
  for (const steps of [
    [refused()],
    [lost(), refused(), jsonResponse({ id: "1", status: "processing" })],
  ]) {
    await expect(scripted(steps).shop.orders.cancel("1")).rejects.toMatchObject({
      code: "INVALID_TRANSITION",
    });
  }
});

test("order update returns the order that a lost attempt updated", async () => {
  const refused = () => errorResponse(409, "INVALID_TRANSITION");
  const busy = () => errorResponse(503, "SERVICE_UNAVAILABLE");
  const order = { id: "1", status: "processing", note: "Ring twice." };

  const { shop } = scripted([busy(), refused(), jsonResponse(order)]);
  expect(await shop.orders.update("1", { status: "processing" })).toEqual(order);

  const { shop: noting } = scripted([lost(), refused(), jsonResponse(order)]);
  expect(await noting.orders.update("1", { note: "Ring twice." })).toEqual(order);

  const { shop: trimming } = scripted([lost(), refused(), jsonResponse(order)]);
  expect(await trimming.orders.update("1", { note: "\u2068 Ring twice.\u2069\n" })).toEqual(order);

  const { shop: refusing } = scripted([lost(), refused(), jsonResponse(order)]);
  await expect(refusing.orders.update("1", { note: "Knock." })).rejects.toMatchObject({
    code: "INVALID_TRANSITION",
    mayBeDone: true,
  });
});

test("delete succeeds after a lost attempt deleted the item", async () => {
  const gone = () => errorResponse(404, "NOT_FOUND");

  await scripted([lost(), gone()]).shop.products.delete("pear");

  await expect(scripted([gone()]).shop.products.delete("pear")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  // An attempt with 429 changed nothing.
  const tooMany = errorResponse(429, "TOO_MANY_REQUESTS");
  await expect(scripted([tooMany, gone()]).shop.products.delete("pear")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("lists request each page with the same filters", async () => {
  const page = (ids: string[], nextCursor: string | null) =>
    jsonResponse({ data: ids.map((id) => ({ id })), meta: { nextCursor } });
  const { shop, requests } = scripted([
    page(["1", "2"], "next"),
    page([], "last"),
    page(["3"], null),
  ]);

  const ids: string[] = [];
  for await (const order of shop.orders.list({ status: "pending", limit: 2 })) ids.push(order.id);

  expect(ids).toEqual(["1", "2", "3"]);
  expect(requests.map(({ url }) => new URL(url).search)).toEqual([
    "?status=pending&limit=2",
    "?status=pending&limit=2&cursor=next",
    "?status=pending&limit=2&cursor=last",
  ]);
});

test.each([{}, { data: [] }, { data: [], meta: {} }, { data: "x", meta: { nextCursor: null } }])(
  "foreign page %j is NoAnswer",
  async (foreign) => {
    const { shop } = scripted([jsonResponse(foreign)], { attempts: 1 });

    await expect(shop.products.list().next()).rejects.toMatchObject({ name: "NoAnswer" });
  },
);

test("lists request no page before the iteration needs it", async () => {
  const { shop, requests } = scripted([
    jsonResponse({ data: [{ id: "1" }], meta: { nextCursor: "x" } }),
  ]);

  for await (const product of shop.products.list()) {
    expect(product.id).toBe("1");
    break;
  }

  expect(requests).toHaveLength(1);
});

test("password reset and email verification send the requests of the API", async () => {
  const accepted = () => jsonResponse({}, 202);
  const done = () => new Response(null, { status: 204 });
  const { shop, requests } = scripted([accepted(), done(), accepted(), done()]);

  expect(await shop.requestPasswordReset("ada@example.com")).toBeUndefined();
  expect(await shop.resetPassword("mailed-1", "a long walk")).toBeUndefined();
  expect(await shop.requestEmailVerification()).toBeUndefined();
  expect(await shop.verifyEmail("mailed-2")).toBeUndefined();

  expect(paths(requests)).toEqual([
    "POST /api/password-resets",
    "PUT /api/password-resets/mailed-1",
    "POST /api/email-verifications",
    "PUT /api/email-verifications/mailed-2",
  ]);
  expect(await Promise.all(requests.map((request) => request.text()))).toEqual([
    '{"email":"ada@example.com"}',
    '{"password":"a long walk"}',
    "{}",
    "",
  ]);
});

test("fetch receives its per-request options", async () => {
  const { shop, requests } = scripted([jsonResponse({ data: [], meta: {} })]);

  await shop.api.GET("/api/products", { cache: "no-store", headers: { "X-Trace": "1" } });

  expect(requests[0]?.cache).toBe("no-store");
  expect(headers(requests, "X-Trace")).toEqual(["1"]);
});

test.each([
  [
    "401 to the retry",
    [lost(), errorResponse(401, "UNAUTHORIZED"), errorResponse(401, "UNAUTHORIZED")],
  ],
  ["404 to the retry", [lost(), errorResponse(404, "NOT_FOUND")]],
  ["404 because another client ended the session", [errorResponse(404, "NOT_FOUND")]],
])("logOut succeeds after %s", async (_, steps) => {
  const tokens = loggedIn();
  const { shop } = scripted(steps, { tokens });

  expect(await shop.logOut()).toBeUndefined();
  expect(tokens.load()).toBeUndefined();
});

test("end of all sessions succeeds after a lost response", async () => {
  const rejected = () => errorResponse(401, "UNAUTHORIZED");
  const tokens = loggedIn();
  const { shop } = scripted([lost(), rejected(), rejected()], { tokens });

  await shop.sessions.endAll();

  expect(tokens.load()).toBeUndefined();
  const { shop: refused } = scripted([rejected(), rejected()], { tokens: loggedIn() });
  await expect(refused.sessions.endAll()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});

test("deletion of the own user is unknown after a lost response", async () => {
  const rejected = () => errorResponse(401, "UNAUTHORIZED");
  const { shop } = scripted([lost(), rejected(), rejected()], { tokens: loggedIn() });

  await expect(shop.users.delete()).rejects.toMatchObject({
    code: "UNAUTHORIZED",
    mayBeDone: true,
  });
});

test("edit changes the order of another user", async () => {
  const order = () => jsonResponse({ id: "1", note: null }, 200, { ETag: '"1"' });
  const { shop, requests } = scripted([order(), order()]);

  await shop.orders.edit("1", () => ({ note: "x" }), "ada");

  expect(paths(requests)).toEqual(["GET /api/users/ada/orders/1", "PATCH /api/users/ada/orders/1"]);
});

test.each(["", ".", ".."])("id %j is rejected, since another path would result", async (id) => {
  const { shop, requests } = scripted([]);

  await expect(shop.products.delete(id)).rejects.toThrow(RangeError);

  expect(requests).toEqual([]);
});

test("messages have no token of an emailed link", async () => {
  const { shop } = scripted([lost()]);

  await expect(shop.verifyEmail("mailed-2")).rejects.toThrow(
    /^No answer of the shop to PUT \/api\/email-verifications\/{token}$/,
  );
});

test("personal data is one document of all pages", async () => {
  const first = { user: { name: "Ada" }, sessions: [], orders: [{ id: "1" }, { id: "2" }] };
  const last = { user: null, sessions: null, orders: [{ id: "3" }] };
  const { shop, requests } = scripted(
    [
      jsonResponse({ ...first, meta: { nextCursor: "after-2" } }),
      lost(),
      jsonResponse({ ...last, meta: { nextCursor: null } }),
    ],
    { tokens: loggedIn() },
  );

  expect(await shop.users.personalData()).toEqual({
    ...first,
    orders: [{ id: "1" }, { id: "2" }, { id: "3" }],
    meta: { nextCursor: null },
  });
  expect(requests.map(({ url }) => new URL(url).search)).toEqual([
    "",
    "?cursor=after-2",
    "?cursor=after-2",
  ]);
  expect(paths(requests)[0]).toBe("GET /api/users/me/personal-data");
});

test("personal data of another server is no answer", async () => {
  for (const body of [{}, { orders: [] }, { orders: {}, meta: { nextCursor: null } }]) {
    const { shop } = scripted([jsonResponse(body)], { tokens: loggedIn() });

    await expect(shop.users.personalData()).rejects.toMatchObject({ name: "NoAnswer" });
  }
});
