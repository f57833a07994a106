/** connect-web by its three transports, unchanged: fetch sends `Accept`. */

import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { testEveryMethod } from "./flows.js";
import { url as baseUrl } from "./stack.js";

testEveryMethod("Connect JSON", (interceptors) =>
  createConnectTransport({ baseUrl, interceptors }),
);
testEveryMethod("Connect", (interceptors) =>
  createConnectTransport({ baseUrl, interceptors, useBinaryFormat: true }),
);
testEveryMethod("gRPC-Web", (interceptors) => createGrpcWebTransport({ baseUrl, interceptors }));
