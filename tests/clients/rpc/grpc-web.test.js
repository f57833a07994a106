/** Google's grpc-web in its text format, with an XMLHttpRequest for Node.js. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import grpcWeb from "grpc-web";
import xhr2 from "xhr2";
import { OrderService, ProductService, UserService } from "./generated/shop/v1/shop_pb.js";
import { person, product, url } from "./stack.js";

globalThis.XMLHttpRequest = xhr2.XMLHttpRequest;

function call(method, fields, metadata = { Authorization: `Bearer ${person.token}` }) {
  const descriptor = new grpcWeb.MethodDescriptor(
    `/${method.parent.typeName}/${method.name}`,
    grpcWeb.MethodType.UNARY,
    Object,
    Object,
    (message) => toBinary(method.input, message),
    (bytes) => fromBinary(method.output, bytes),
  );
  const client = new grpcWeb.GrpcWebClientBase({ format: "text" });
  const request = create(method.input, fields);
  return client.unaryCall(`${url}${descriptor.getName()}`, request, metadata, descriptor);
}

test("customer orders", async () => {
  const items = [{ productId: product.id, quantity: 1 }];

  const listed = await call(ProductService.method.listProducts, { limit: 1 }, {});
  const user = await call(UserService.method.getUser, {});
  const placed = await call(OrderService.method.placeOrder, { items });
  const read = await call(OrderService.method.getOrder, { orderId: placed.order.id });

  assert.equal(listed.products.length, 1);
  assert.equal(user.user.id, person.id);
  assert.deepEqual(read.order, placed.order);
});

test("errors have their codes", async () => {
  const { NOT_FOUND, INVALID_ARGUMENT, PERMISSION_DENIED } = grpcWeb.StatusCode;
  const expected = [
    [() => call(OrderService.method.getOrder, { orderId: randomUUID() }), NOT_FOUND],
    [() => call(OrderService.method.placeOrder, {}), INVALID_ARGUMENT],
    [() => call(OrderService.method.listAllOrders, {}), PERMISSION_DENIED],
  ];
  for (const [failing, code] of expected) {
    await assert.rejects(failing, (error) => {
      assert.equal(error.code, code);
      return true;
    });
  }
});
