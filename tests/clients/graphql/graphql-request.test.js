/** graphql-request on a deployed stack. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { ClientError, GraphQLClient } from "graphql-request";
import { authorization, endpoint, input, ORDERS, PLACE } from "./stack.js";

const client = new GraphQLClient(endpoint, { headers: authorization });

test("graphql-request places an order once and reads it", async () => {
  const key = { "Idempotency-Key": randomUUID() };
  const first = await client.request(PLACE, { input }, key);
  const second = await client.request(PLACE, { input }, key);
  const { me } = await client.request(ORDERS, { first: 1 });

  assert.deepEqual(first.placeOrder.userErrors, []);
  assert.equal(second.placeOrder.order.id, first.placeOrder.order.id);
  assert.equal(me.orders.edges[0].node.id, first.placeOrder.order.id);
});

test("graphql-request reports errors by their code", async () => {
  for (const [query, status, code] of [
    ["{ users { totalCount } }", 200, "FORBIDDEN"],
    ["{ unknown }", 422, "GRAPHQL_VALIDATION_FAILED"],
    ["{", 400, "GRAPHQL_PARSE_FAILED"],
  ]) {
    await assert.rejects(client.rawRequest(query), (error) => {
      assert(error instanceof ClientError, String(error));
      assert.equal(error.response.status, status);
      return error.response.errors[0].extensions.code === code;
    });
  }
});
