import { beforeEach, expect, test, vi } from "vitest";
import { answer, headers, lost, refusal, scripted } from "../scripted.js";

const STALE = () => refusal(412, "PRECONDITION_FAILED");
const pear = (version: number) =>
  answer({ id: "pear", price: `${version}.00` }, 200, { ETag: `"${version}"` });

beforeEach(() => {
  vi.spyOn(Math, "random").mockReturnValue(0);
});

test("an edit is decided on by what it replaces, and anew where somebody else was first", async () => {
  const { shop, requests } = scripted([pear(1), STALE(), pear(2), pear(3)]);

  await shop.products.edit("pear", ({ price }) => ({ price: `${price.slice(0, -1)}9` }));

  expect(headers(requests, "If-Match")).toEqual([null, '"1"', null, '"2"']);
  expect(await requests[3]?.json()).toEqual({ price: "2.09" });
});

test("an edit that may have been done already is not made a second time", async () => {
  const { shop, requests } = scripted([pear(1), lost(), STALE()]);

  await expect(shop.products.edit("pear", () => ({ stockDelta: -1 }))).rejects.toMatchObject({
    code: "PRECONDITION_FAILED",
    mayBeDone: true,
  });
  expect(requests).toHaveLength(3);
});

test("an edit that is always overtaken ends", async () => {
  const steps = Array.from({ length: 5 }, (_, version) => [pear(version), STALE()]).flat();

  await expect(
    scripted(steps).shop.products.edit("pear", () => ({ name: "A" })),
  ).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test("an order that a lost try has cancelled is cancelled", async () => {
  const refused = () => refusal(409, "INVALID_TRANSITION");
  const cancelled = { id: "1", status: "cancelled" };

  const { shop } = scripted([lost(), refused(), answer(cancelled)]);
  expect(await shop.orders.cancel("1")).toEqual(cancelled);

  // One that was processed, or cancelled before, is told as what it is.
  for (const steps of [[refused()], [lost(), refused(), answer({ status: "processing" })]]) {
    await expect(scripted(steps).shop.orders.cancel("1")).rejects.toMatchObject({
      code: "INVALID_TRANSITION",
    });
  }
});

test("what a lost try has deleted is deleted", async () => {
  const gone = () => refusal(404, "NOT_FOUND");

  await scripted([lost(), gone()]).shop.products.delete("pear");

  await expect(scripted([gone()]).shop.products.delete("pear")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  // Where there were too many, nothing was done.
  const tooMany = refusal(429, "TOO_MANY_REQUESTS");
  await expect(scripted([tooMany, gone()]).shop.products.delete("pear")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

test("a list is read page after page, each with the same filters", async () => {
  const page = (ids: string[], nextCursor: string | null) =>
    answer({ data: ids.map((id) => ({ id })), meta: { nextCursor } });
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

test("no page is read that nobody asks for", async () => {
  const { shop, requests } = scripted([answer({ data: [{ id: "1" }], meta: { nextCursor: "x" } })]);

  for await (const product of shop.products.list()) {
    expect(product.id).toBe("1");
    break;
  }

  expect(requests).toHaveLength(1);
});
