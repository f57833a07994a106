/** connect-node: JSON unchanged, binary messages with the header `Accept`. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { testEveryMethod } from "./flows.js";
import { ProductService } from "./generated/shop/v1/shop_pb.js";
import { accept, url as baseUrl } from "./stack.js";

const options = { baseUrl, httpVersion: "1.1" };

testEveryMethod("Connect JSON", (interceptors) =>
  createConnectTransport({ ...options, interceptors, useBinaryFormat: false }),
);
testEveryMethod("Connect JSON, compressed", (interceptors) =>
  createConnectTransport({
    ...options,
    interceptors,
    useBinaryFormat: false,
    sendCompression: compressionGzip,
    compressMinBytes: 1,
  }),
);
testEveryMethod("Connect", (interceptors) =>
  createConnectTransport({
    ...options,
    interceptors: [...interceptors, accept],
    useBinaryFormat: true,
  }),
);
testEveryMethod("gRPC-Web", (interceptors) =>
  createGrpcWebTransport({ ...options, interceptors: [...interceptors, accept] }),
);

for (const [name, transport] of Object.entries({
  Connect: createConnectTransport({ ...options, useBinaryFormat: true }),
  "gRPC-Web": createGrpcWebTransport(options),
})) {
  test(`binary call without Accept is rejected with ${name}`, async () => {
    const call = createClient(ProductService, transport).listProducts({});

    await assert.rejects(call, (error) => {
      assert.equal(ConnectError.from(error).code, Code.InvalidArgument);
      assert.match(error.message, /Accept/);
      return true;
    });
  });
}
