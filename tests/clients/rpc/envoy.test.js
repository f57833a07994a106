/** connect-node with gRPC over HTTP/2 through Envoy: every method, and errors of the gateway. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { testEveryMethod } from "./flows.js";
import { UserService } from "./generated/shop/v1/shop_pb.js";
import { envoy as baseUrl } from "./stack.js";

testEveryMethod("gRPC", (interceptors) => createGrpcTransport({ baseUrl, interceptors }));

test("call without a token is unauthenticated", async () => {
  const call = createClient(UserService, createGrpcTransport({ baseUrl })).getUser({});

  await assert.rejects(call, (error) => {
    assert.equal(ConnectError.from(error).code, Code.Unauthenticated);
    return true;
  });
});
