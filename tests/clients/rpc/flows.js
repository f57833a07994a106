/** Calls of all methods, with the clients that a transport of Connect makes. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  OrderService,
  OrderStatus,
  ProductService,
  ProductStatus,
  Sort,
  UserService,
} from "./generated/shop/v1/shop_pb.js";
import { admin, authorize, person, product, url } from "./stack.js";

/** Test with transports of `create(token interceptors)`. */
export function testEveryMethod(name, create) {
  const of = (service, token) => createClient(service, create([authorize(token)]));

  test(`customer orders and cancels with ${name}`, async () => {
    const users = of(UserService, person.token);
    const orders = of(OrderService, person.token);
    const products = of(ProductService);
    const items = [{ productId: product.id, quantity: 2 }];
    const headers = { "Idempotency-Key": randomUUID() };

    const shown = await products.getProduct({ productId: product.id });
    const listed = await products.listProducts({ sort: Sort.PRICE_DESC, limit: 1 });
    const user = await users.getUser({});
    const renamed = await users.updateUser({ name: "Grace Hopper", etag: user.etag });
    const placed = await orders.placeOrder({ items, note: "Ring twice." }, { headers });
    const again = await orders.placeOrder({ items, note: "Ring twice." }, { headers });
    const orderId = placed.order.id;
    const read = await orders.getOrder({ orderId });
    const own = await orders.listOrders({ status: OrderStatus.PENDING, limit: 1 });
    const unnoted = await orders.updateOrder({ orderId, updateMask: { paths: ["note"] } });
    const cancelled = await orders.updateOrder({ orderId, status: OrderStatus.CANCELLED });

    assert.equal(shown.product.name, product.name);
    assert.equal(listed.products.length, 1);
    assert.equal(user.user.id, person.id);
    assert.equal(renamed.user.name, "Grace Hopper");
    assert.equal(placed.order.note, "Ring twice.");
    assert.deepEqual(again, placed);
    assert.deepEqual(read.order, placed.order);
    assert.equal(own.orders.length, 1);
    assert.equal(unnoted.order.note, undefined);
    assert.equal(cancelled.order.status, OrderStatus.CANCELLED);
    assert.equal((await overRest(headers, items)).id, orderId);
  });

  test(`admin manages the catalogue with ${name}`, async () => {
    const products = of(ProductService, admin.token);
    const sku = `LIME-${randomUUID()}`.slice(0, 20);
    const made = { sku, name: "Limes", price: "1.20", currency: "EUR", stock: 5n };

    const created = await products.createProduct(made);
    const productId = created.product.id;
    const changed = await products.updateProduct({ productId, stockDelta: -2n });
    const unlimited = await products.updateProduct({
      productId,
      status: ProductStatus.INACTIVE,
      updateMask: { paths: ["status", "stock"] },
    });
    await products.deleteProduct({ productId, etag: unlimited.etag });
    const users = await of(UserService, admin.token).listUsers({ limit: 2 });
    const orders = await of(OrderService, admin.token).listAllOrders({ limit: 1 });

    assert.equal(changed.product.stock, 3n);
    assert.equal(unlimited.product.stock, undefined);
    assert.equal(users.users.length, 2);
    assert.equal(orders.orders.length, 1);
  });

  test(`errors have their codes with ${name}`, async () => {
    const orders = of(OrderService, person.token);
    const few = [{ productId: product.id, quantity: 999 }];
    const expected = [
      [() => orders.getOrder({ orderId: randomUUID() }), Code.NotFound],
      [() => orders.placeOrder({}), Code.InvalidArgument],
      [() => orders.placeOrder({ items: few }), Code.FailedPrecondition],
      [() => orders.listAllOrders({}), Code.PermissionDenied],
      [() => of(OrderService, "a.b.c").listOrders({}), Code.Unauthenticated],
      [() => of(OrderService).listOrders({}), Code.Unauthenticated],
    ];
    for (const [call, code] of expected) {
      await assert.rejects(call, (error) => {
        assert.equal(ConnectError.from(error).code, code);
        return true;
      });
    }
  });
}

async function overRest(headers, items) {
  const response = await fetch(`${url}/api/users/me/orders`, {
    method: "POST",
    headers: {
      ...headers,
      Authorization: `Bearer ${person.token}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ items, note: "Ring twice." }),
  });
  assert.equal(response.headers.get("Idempotent-Replayed"), "true");
  return response.json();
}
