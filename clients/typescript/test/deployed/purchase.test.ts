/** The client on a deployed stack, from sign-up to a cancelled order. */

import { createHmac, sign } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createShop,
  inMemory,
  type Product,
  type Shop,
  type ShopOptions,
} from "../../src/index.js";
import { losingProxy } from "./losing-proxy.js";

const PASSWORD = "a long walk by the river";
const stack = JSON.parse(process.env.SHOP_STACK ?? "null") as {
  url: string;
  admin: { email: string; password: string };
  /** The private key of the local stack, to sign expired tokens; null for other deployments. */
  signingKey: string | null;
};

let proxy: Awaited<ReturnType<typeof losingProxy>>;
let pear: Product;

beforeAll(async () => {
  proxy = await losingProxy(stack.url);
  const admin = createShop({ baseUrl: stack.url });
  await admin.logIn(stack.admin);
  pear = await admin.products.create({
    sku: `PEAR-${Date.now()}`,
    name: "A pear",
    price: "19.90",
    currency: "EUR",
    stock: 10,
  });
});

afterAll(() => proxy.stop());

async function customer(options: Partial<ShopOptions> = {}) {
  const tokens = inMemory();
  const shop = createShop({ baseUrl: proxy.url, tokens, ...options });
  const email = `ada.${crypto.randomUUID()}@example.com`;
  await shop.signUp({ email, name: "Ada Lovelace", password: PASSWORD });
  await shop.logIn({ email, password: PASSWORD });
  return { shop, email, expire: () => expire(tokens) };
}

/**
 * Replace the token by one that expired: issued an hour earlier, otherwise valid.
 *
 * Without the private key it keeps the signature of the valid token. The API rejects both alike.
 */
async function expire(tokens: ReturnType<typeof inMemory>): Promise<string> {
  const stored = await tokens.load();
  if (stored === undefined) throw new Error("no user is logged in");
  const [header = "", payload = "", signed = ""] = stored.accessToken.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
  const earlier = { ...claims, iat: claims.iat - 3600, exp: claims.exp - 3600 };
  const content = `${header}.${Buffer.from(JSON.stringify(earlier)).toString("base64url")}`;
  const accessToken = `${content}.${stack.signingKey ? signature(content, stack.signingKey) : signed}`;
  await tokens.save({ ...stored, accessToken });
  return accessToken;
}

function signature(content: string, key: string): string {
  const options = { key, dsaEncoding: "ieee-p1363" } as const;
  return sign("sha256", Buffer.from(content), options).toString("base64url");
}

async function all<Item>(list: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of list) found.push(item);
  return found;
}

const stock = async (shop: Shop) => (await shop.products.get(pear.id)).stock;
const twoPears = () => ({ items: [{ productId: pear.id, quantity: 2 }] });

test("one order results from sign-up to cancellation, despite an expired token and lost responses", async () => {
  const { shop, email, expire } = await customer();
  expect((await shop.users.get()).email).toBe(email);
  expect((await all(shop.products.list({ sort: "name" }))).map(({ id }) => id)).toContain(pear.id);

  const expired = await expire();
  const bare = await fetch(`${stack.url}/api/users/me`, {
    headers: { Authorization: `Bearer ${expired}` },
  });
  expect(bare.status).toBe(401);
  proxy.lose("POST /api/users/me/orders");
  const order = await shop.orders.place(twoPears());

  // Three attempts (rejected, lost, replayed) place one order and take its stock once.
  expect(proxy.times("POST /api/users/me/orders")).toBe(3);
  expect(await all(shop.orders.list())).toEqual([order]);
  expect([order.total, order.status]).toEqual(["39.80", "pending"]);
  expect(await stock(shop)).toBe(8);

  const noted = await shop.orders.edit(order.id, ({ total }) => ({ note: `at most ${total}` }));
  expect(noted.note).toBe("at most 39.80");

  proxy.lose(`PATCH /api/users/me/orders/${order.id}`);
  const cancelled = await shop.orders.cancel(order.id);
  expect(cancelled).toMatchObject({ id: order.id, status: "cancelled" });
  expect(await stock(shop)).toBe(10);

  await shop.logOut();
  await expect(shop.users.get()).rejects.toMatchObject({ status: 401, code: "UNAUTHORIZED" });
});

test("requests rejected in parallel share one renewal, though its response is lost", async () => {
  const { shop, expire } = await customer();
  await expire();
  const before = proxy.times("POST /api/access-tokens");
  proxy.lose("POST /api/access-tokens");

  const answers = await Promise.all(Array.from({ length: 4 }, () => shop.users.get()));

  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  expect(proxy.times("POST /api/access-tokens") - before).toBe(2);
  expect(await shop.sessions.list()).toHaveLength(1);
});

test("lists with several pages are read to the end", async () => {
  const { shop } = await customer();
  const placed: string[] = [];
  for (let count = 0; count < 3; count++) placed.push((await shop.orders.place(twoPears())).id);

  const found = await all(shop.orders.list({ sort: "createdAt", limit: 2 }));

  expect(found.map(({ id }) => id)).toEqual(placed);
  for (const id of placed) await shop.orders.cancel(id);
});

test("concurrent edits keep both changes", async () => {
  const { shop } = await customer();
  const order = await shop.orders.place(twoPears());

  const append = (word: string) =>
    shop.orders.edit(order.id, ({ note }) => ({ note: `${note ?? ""} ${word}`.trim() }));
  await Promise.all([append("one"), append("two")]);

  expect(["one two", "two one"]).toContain((await shop.orders.get(order.id)).note);
});

test("errors name the invalid field", async () => {
  const { shop } = await customer();

  const placing = shop.orders.place({ items: [{ productId: pear.id, quantity: 0 }] });

  await expect(placing).rejects.toMatchObject({
    status: 422,
    code: "VALIDATION_ERROR",
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    details: [{ field: "body.items.0.quantity" }],
  });
});

test("changes committed before a 503 or a lost response are made once", async () => {
  const { shop, email } = await customer();
  const admin = createShop({ baseUrl: proxy.url });
  await admin.logIn(stack.admin);
  const before = await stock(shop);
  for (const spoil of [proxy.lose, proxy.fail]) {
    const order = await shop.orders.place(twoPears());
    spoil(`PATCH /api/users/me/orders/${order.id}`);
    expect(await shop.orders.cancel(order.id)).toMatchObject({ status: "cancelled" });

    const product = await admin.products.create({
      sku: `FIG-${crypto.randomUUID()}`,
      name: "A fig",
      price: "1.00",
      currency: "EUR",
      stock: 1,
    });
    spoil(`DELETE /api/products/${product.id}`);
    await admin.products.delete(product.id);
    await expect(shop.products.get(product.id)).rejects.toMatchObject({ code: "NOT_FOUND" });

    const next = await shop.orders.place(twoPears());
    spoil(`PATCH /api/users/`);
    const processing = await admin.orders.update(next.id, { status: "processing" }, next.userId);
    expect(processing.status).toBe("processing");
    await admin.orders.cancel(next.id, next.userId);
  }

  const changed = "a long walk by the sea";
  proxy.fail("PUT /api/users/me/password");
  const change = { currentPassword: PASSWORD, newPassword: changed };
  await expect(shop.users.changePassword(change)).rejects.toMatchObject({
    code: "SERVICE_UNAVAILABLE",
    mayBeDone: true,
  });
  await shop.logIn({ email, password: changed });
  expect(await stock(shop)).toBe(before);
});

test("deleted user is logged out and cannot log in", async () => {
  let ended = 0;
  const { shop, email } = await customer({ onSessionEnd: () => ended++ });

  await shop.users.delete();

  expect(ended).toBe(1);
  const logIn = createShop({ baseUrl: proxy.url }).logIn({ email, password: PASSWORD });
  await expect(logIn).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });
});

test("password reset and email verification are requested, and used links are rejected", async () => {
  const { shop, email } = await customer();
  const spent = "x".repeat(43);

  await shop.requestPasswordReset(email);
  await shop.requestEmailVerification();

  const refused = { code: "NOT_FOUND", mayBeDone: false };
  await expect(shop.resetPassword(spent, PASSWORD)).rejects.toMatchObject(refused);
  await expect(shop.verifyEmail(spent)).rejects.toMatchObject(refused);
});

test("personal data has the user and all orders", async () => {
  const { shop, email } = await customer();
  const order = await shop.orders.place(twoPears());

  const { user, orders, subject } = await shop.users.personalData();

  expect(user).toMatchObject({ id: order.userId, email });
  expect([subject, orders]).toEqual([order.userId, [order]]);
  await shop.orders.cancel(order.id);
});

test("second factor is enrolled and used", async () => {
  const { shop, email } = await customer();
  const { data: app } = await shop.api.POST("/api/authenticators", {
    body: { kind: "totp", currentPassword: PASSWORD },
  });
  if (app === undefined) throw new Error("no app");
  const { data: confirmed } = await shop.api.PUT("/api/authenticators/{authenticatorId}", {
    params: { path: { authenticatorId: app.id } },
    body: { code: codeOf(app.secret, -1) },
  });

  const refused = { code: "CODE_REQUIRED", status: 401 };
  await expect(shop.logIn({ email, password: PASSWORD })).rejects.toMatchObject(refused);
  await shop.logIn({ email, password: PASSWORD, code: codeOf(app.secret, 0) });
  await shop.logIn({ email, password: PASSWORD, code: confirmed?.recoveryCodes[0] ?? "" });

  const { data: listed } = await shop.api.GET("/api/authenticators");
  expect(listed?.data).toMatchObject([{ id: app.id, kind: "totp", recoveryCodesLeft: 9 }]);
});

/** Return a code of RFC 6238, of so many steps of 30 s after now. */
function codeOf(secret: string, steps: number): string {
  const bits = [...secret].map((letter) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const bytes = bits.join("").match(/.{8}/g) ?? [];
  const key = Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const digest = createHmac("sha1", key).update(step).digest();
  const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 0xf) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}
