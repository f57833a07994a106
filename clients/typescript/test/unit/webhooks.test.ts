/** Deliveries are verified, and everything that is wrong with one is one error. */

import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { webhooks } from "../../src/index.js";

const KEY = Buffer.alloc(32, 7);
const OTHER = Buffer.alloc(32, 8);
const BODY = '{"specversion":"1.0","id":"e1","type":"order.placed","data":{"note":"grüße"}}';

const secretOf = (key: Buffer) => `whsec_${key.toString("base64")}`;
const now = () => Math.floor(Date.now() / 1000);
const signature = (key: Buffer, id: string, timestamp: number | string, body: string | Buffer) =>
  createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");

function signed(body: string | Buffer = BODY, timestamp: number | string = now(), keys = [KEY]) {
  return {
    "webhook-id": "e1",
    "webhook-timestamp": String(timestamp),
    "webhook-signature": keys.map((key) => `v1,${signature(key, "e1", timestamp, body)}`).join(" "),
  };
}

describe("an authentic delivery", () => {
  it.each([
    ["text", BODY],
    ["bytes", new TextEncoder().encode(BODY)],
    ["a buffer", Buffer.from(BODY)],
  ])("is an event, from %s", async (_, body) => {
    const event = await webhooks.verify(body, signed(), secretOf(KEY));

    expect(event).toEqual(JSON.parse(BODY));
  });

  it("is accepted with Headers, and with the signature of either secret", async () => {
    const headers = new Headers(signed(BODY, now(), [OTHER, KEY]));

    for (const secret of [
      secretOf(KEY),
      secretOf(OTHER),
      [secretOf(Buffer.alloc(24, 9)), secretOf(KEY)],
    ]) {
      expect((await webhooks.verify(BODY, headers, secret)).id).toBe("e1");
    }
  });

  it("may have an unknown type and unknown fields", async () => {
    const body = '{"id":"e1","type":"later.type","new":true}';

    expect(await webhooks.verify(body, signed(body), secretOf(KEY))).toEqual(JSON.parse(body));
  });

  it.each([-299, 299])("may be %i seconds off", async (seconds) => {
    await webhooks.verify(BODY, signed(BODY, now() + seconds), secretOf(KEY));
  });

  it("may be older with another tolerance", async () => {
    await webhooks.verify(BODY, signed(BODY, now() - 900), secretOf(KEY), { tolerance: 1000 });
  });
});

it("tolerates nothing if the tolerance is not a number", async () => {
  await expect(
    webhooks.verify(BODY, signed(), secretOf(KEY), { tolerance: Number.NaN }),
  ).rejects.toBeInstanceOf(webhooks.WebhookRejected);
});

const invalidUtf8 = Buffer.from([0x22, 0xff, 0x22]);
const rejected: Record<
  string,
  [string | Uint8Array, Record<string, string | string[] | undefined>]
> = {
  "no headers": [BODY, {}],
  "no id": [BODY, { ...signed(), "webhook-id": undefined }],
  "an empty signature": [BODY, { ...signed(), "webhook-signature": "" }],
  "repeated headers": [BODY, { ...signed(), "webhook-id": ["e1", "e2"] }],
  "another id": [BODY, { ...signed(), "webhook-id": "e2" }],
  "another timestamp": [BODY, { ...signed(), "webhook-timestamp": String(now() - 1) }],
  "another body": [`${BODY} `, signed()],
  "another secret": [BODY, signed(BODY, now(), [OTHER])],
  "an old timestamp": [BODY, signed(BODY, now() - 302)],
  "a timestamp in the future": [BODY, signed(BODY, now() + 302)],
  "the asymmetric scheme": [
    BODY,
    { ...signed(), "webhook-signature": signed()["webhook-signature"].replace("v1,", "v1a,") },
  ],
  "a signature without a version": [
    BODY,
    { ...signed(), "webhook-signature": signed()["webhook-signature"].slice(3) },
  ],
  "a cut-off signature": [
    BODY,
    { ...signed(), "webhook-signature": signed()["webhook-signature"].slice(0, -4) },
  ],
  "a signature with more": [
    BODY,
    { ...signed(), "webhook-signature": `${signed()["webhook-signature"]},x` },
  ],
  "characters outside Base64": [
    BODY,
    { ...signed(), "webhook-signature": `v1,*${signed()["webhook-signature"].slice(3)}` },
  ],
  "bytes for a signature": [BODY, { ...signed(), "webhook-signature": "v1,ü" }],
  "no JSON": ["{", signed("{")],
  "JSON that is no object": ["[]", signed("[]")],
  null: ["null", signed("null")],
  "an event without a type": ['{"id":"e1"}', signed('{"id":"e1"}')],
  "invalid UTF-8": [invalidUtf8, signed(invalidUtf8)],
  ...Object.fromEntries(
    [
      "1.7e9",
      `${now()}.0`,
      ` ${now()}`,
      `${now()} `,
      `+${now()}`,
      "1795_950000",
      "0x6b0a",
      "１７９５９５００００",
      "-1",
      "9".repeat(13),
      "",
    ].map((timestamp) => [`the timestamp "${timestamp}"`, [BODY, signed(BODY, timestamp)]]),
  ),
};

describe("a delivery that is rejected", () => {
  it.each(Object.keys(rejected))("has %s", async (kind) => {
    const [body, headers] = rejected[kind] ?? [BODY, {}];

    await expect(webhooks.verify(body, headers, secretOf(KEY))).rejects.toBeInstanceOf(
      webhooks.WebhookRejected,
    );
  });
});

describe("a secret that is malformed", () => {
  it.each([
    ["no prefix", KEY.toString("base64")],
    ["23 bytes", secretOf(Buffer.alloc(23))],
    ["65 bytes", secretOf(Buffer.alloc(65))],
    ["no Base64", `whsec_*${KEY.toString("base64").slice(1)}`],
    ["nothing", ""],
  ])("is an error of the program: %s", async (_, secret) => {
    await expect(webhooks.verify(BODY, signed(), secret)).rejects.toBeInstanceOf(TypeError);
    await expect(webhooks.verify(BODY, signed(), [])).rejects.toBeInstanceOf(TypeError);
  });
});
