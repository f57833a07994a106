/** The cart, and orders that are placed once although a response is lost or the page is reloaded. */

import { NoAnswer, type Order, type Product, ShopError } from "@shop-backend/client";
import { shop } from "./session.js";

export type CartLine = Pick<Product, "id" | "sku" | "name" | "price" | "currency"> & {
  quantity: number;
};

/** An order whose result is not known yet. */
interface PendingOrder {
  key: string;
  items: { productId: string; quantity: number }[];
  at: number; // milliseconds
}

export const MAX_QUANTITY = 999;
export const CART = "storefront.cart";
// The API keeps the result of a key for 24 hours; a later retry would be a second order.
const MAX_AGE = 23 * 60 * 60 * 1000;

/** The cart has other lines than those to order: another tab has changed it. */
export class CartChanged extends Error {
  override readonly name = "CartChanged";

  constructor() {
    super("Your cart was changed in another tab. Check it, and order again.");
  }
}

export function cart(): CartLine[] {
  return JSON.parse(localStorage.getItem(CART) ?? "[]");
}

/** Set a quantity: a whole number up to the API's maximum; 0 removes the line. */
export function setQuantity(
  { id, sku, name, price, currency }: Omit<CartLine, "quantity">,
  quantity: number,
): void {
  if (!Number.isInteger(quantity) || quantity < 0 || quantity > MAX_QUANTITY) return;
  const line = { id, sku, name, price, currency, quantity };
  const lines = cart();
  const found = lines.findIndex((it) => it.id === id);
  if (found < 0) lines.push(line);
  else lines[found] = line;
  localStorage.setItem(CART, JSON.stringify(lines.filter((it) => it.quantity > 0)));
}

export function quantityOf(productId: string): number {
  return cart().find((it) => it.id === productId)?.quantity ?? 0;
}

export function hasPendingOrder(userId: string): boolean {
  return pendingOrder(userId) !== undefined;
}

/**
 * Order these lines of the cart, or complete the order that got no response. Return undefined if there is
 * nothing to order; throw CartChanged if the cart has other lines.
 *
 * The key is stored before the request, with the user and the lines, so every retry of any tab is the same order.
 * The path names the user: a tab whose user has changed gets an error, and no order for another user.
 */
export async function placeOrder(userId: string, lines: CartLine[]): Promise<Order | undefined> {
  return await navigator.locks.request(`storefront.order.${userId}`, async () => {
    const pending = pendingOrder(userId) ?? newOrder(lines);
    if (pending.items.length === 0) return undefined;
    localStorage.setItem(nameOf(userId), JSON.stringify(pending));
    let order: Order;
    try {
      order = await shop.orders.place({ items: pending.items }, pending.key, userId);
    } catch (error) {
      if (!mayBePlaced(error)) localStorage.removeItem(nameOf(userId));
      throw error;
    }
    localStorage.removeItem(nameOf(userId));
    removeFromCart(pending);
    return order;
  });
}

function newOrder(lines: CartLine[]): PendingOrder {
  const current = cart();
  // The tab that held the lock may have ordered the whole cart.
  const isGone = current.length === 0;
  if (lines.length > 0 && !isGone && JSON.stringify(lines) !== JSON.stringify(current)) {
    throw new CartChanged();
  }
  const items = (isGone ? [] : lines).map(({ id, quantity }) => ({ productId: id, quantity }));
  return { key: crypto.randomUUID(), items, at: Date.now() };
}

function pendingOrder(userId: string): PendingOrder | undefined {
  const pending = JSON.parse(localStorage.getItem(nameOf(userId)) ?? "null");
  return pending !== null && Date.now() - pending.at < MAX_AGE ? pending : undefined;
}

/** Return whether the order may exist: an error that says no ends the attempt, a session that ended does not. */
function mayBePlaced(error: unknown): boolean {
  const isKnown = error instanceof ShopError || error instanceof NoAnswer;
  return !isKnown || error.mayBeDone || (error instanceof ShopError && error.status === 401);
}

function removeFromCart({ items }: PendingOrder): void {
  for (const line of cart()) {
    const ordered = items.find((it) => it.productId === line.id)?.quantity ?? 0;
    setQuantity(line, Math.max(0, line.quantity - ordered));
  }
}

function nameOf(userId: string): string {
  return `storefront.order.${userId}`;
}
