/** Apollo Client on a deployed stack: its cache pages through a connection of Relay. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";
import { authorization, endpoint, input, ORDERS, PLACE } from "./stack.js";

const client = new ApolloClient({
  link: new HttpLink({ uri: endpoint, headers: authorization }),
  cache: new InMemoryCache({
    typePolicies: { User: { fields: { orders: relayStylePagination() } } },
  }),
});

test("Apollo places orders and collects the pages of their list", async () => {
  const placed = [];
  for (let number = 0; number < 3; number++) {
    const context = { headers: { ...authorization, "Idempotency-Key": randomUUID() } };
    const mutation = gql(PLACE);
    const once = await client.mutate({ mutation, variables: { input }, context });
    const again = await client.mutate({ mutation, variables: { input }, context });
    assert.deepEqual(once.data.placeOrder.userErrors, []);
    assert.equal(again.data.placeOrder.order.id, once.data.placeOrder.order.id);
    placed.unshift(once.data.placeOrder.order.id);
  }
  const query = gql(ORDERS);
  const watched = client.watchQuery({ query, variables: { first: 2 } });
  await watched.refetch();
  let { pageInfo } = watched.getCurrentResult().data.me.orders;
  while (pageInfo.hasNextPage) {
    await watched.fetchMore({ variables: { first: 2, after: pageInfo.endCursor } });
    ({ pageInfo } = watched.getCurrentResult().data.me.orders);
  }
  const ids = watched.getCurrentResult().data.me.orders.edges.map(({ node }) => node.id);

  assert.deepEqual(ids.slice(0, 3), placed);
  assert.equal(new Set(ids).size, ids.length);
});

test("Apollo reports errors by their code", async () => {
  for (const [query, code] of [
    [gql`{ users { totalCount } }`, "FORBIDDEN"],
    [gql`{ unknown }`, "GRAPHQL_VALIDATION_FAILED"],
  ]) {
    await assert.rejects(client.query({ query }), (error) => {
      assert(CombinedGraphQLErrors.is(error), String(error));
      return error.errors[0].extensions.code === code;
    });
  }
});
