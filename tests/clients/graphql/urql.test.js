/** urql on a deployed stack. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Client, fetchExchange } from "@urql/core";
import { authorization, endpoint, input, ORDERS, PLACE } from "./stack.js";

const headers = { ...authorization, "Idempotency-Key": randomUUID() };
const client = new Client({
  url: endpoint,
  exchanges: [fetchExchange],
  preferGetMethod: false,
  fetchOptions: { headers },
});

test("urql places an order once and reads it", async () => {
  const first = await client.mutation(PLACE, { input }).toPromise();
  const second = await client.mutation(PLACE, { input }).toPromise();
  const { data, error } = await client.query(ORDERS, { first: 1 }).toPromise();

  assert.equal(first.error, undefined);
  assert.equal(second.data.placeOrder.order.id, first.data.placeOrder.order.id);
  assert.equal(error, undefined);
  assert.equal(data.me.orders.edges[0].node.id, first.data.placeOrder.order.id);
});

test("urql reports errors by their code, beside the data", async () => {
  const partial = await client.query("{ me { id } users { totalCount } }", {}).toPromise();
  const invalid = await client.query("{ unknown }", {}).toPromise();

  assert(partial.data.me.id);
  assert.equal(partial.error.graphQLErrors[0].extensions.code, "FORBIDDEN");
  assert.equal(invalid.error.graphQLErrors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});
