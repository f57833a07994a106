/** The pages of the shop: catalogue with cart, orders, and sign-in. */

import { NoAnswer, type Order, type Product, ShopError, type User } from "@shop-backend/client";
import "./style.css";
import { element, find } from "./elements.js";
import { formatMoney, totalOf } from "./money.js";
import {
  CART,
  CartChanged,
  type CartLine,
  cart,
  hasPendingOrder,
  MAX_QUANTITY,
  placeOrder,
  quantityOf,
  setQuantity,
} from "./ordering.js";
import { pictureOf } from "./picture.js";
import {
  beginSignIn,
  completeSignIn,
  hasOAuth,
  isSignedIn,
  shop,
  signOut,
  TOKENS,
} from "./session.js";

const MAX_PRODUCTS = 24;
const MAX_ORDERS = 20;

const main = find<HTMLElement>("main");
const cartLink = find<HTMLElement>('nav [href="#cart"]');
const account = find<HTMLElement>("#account");
const statusLine = find<HTMLElement>("[role=status]");
let user: User | undefined;
let products: Product[] = [];
/** The lines of the cart as this page shows them: an order has exactly these. */
let shown: CartLine[] = [];
let views = 0;

async function begin(): Promise<void> {
  const outcome = await completeSignIn();
  await open();
  if (outcome === "refused") say("The sign-in was cancelled or has failed. Try again.");
}

async function open(): Promise<void> {
  try {
    await loadUser();
  } catch (error) {
    main.replaceChildren(...failurePage(error));
    return;
  }
  await show();
  await completePending();
}

/** Complete an order that got no response, without the cart, which may be another one by now. */
async function completePending(): Promise<void> {
  if (user && hasPendingOrder(user.id)) await order([]);
}

async function loadUser(): Promise<void> {
  user = (await isSignedIn()) ? await shop.users.get().catch(endedSession) : undefined;
}

function endedSession(error: unknown): undefined {
  if (error instanceof ShopError && error.status === 401) return undefined;
  throw error;
}

/** Show another page, without the event that would replace the message of this one. */
async function go(page: "catalogue" | "orders"): Promise<void> {
  history.pushState(null, "", `#${page}`);
  await show();
}

async function show(): Promise<void> {
  // The page for logging in has nothing for a user who is logged in.
  if (user && location.hash === "#sign-in") history.replaceState(null, "", "#catalogue");
  showAccount();
  showPieces();
  const page = location.hash.slice(1) || "catalogue";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${page}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = ++views;
  const content = await contentOf(page).catch(async (error) => {
    if (await hasEnded(error)) throw error;
    return failurePage(error);
  });
  // The customer may have opened another page while this one was loading.
  if (view !== views) return;
  main.replaceChildren(...content);
  if (page === "cart") document.getElementById("cart")?.focus();
}

async function contentOf(page: string): Promise<Node[]> {
  if (page === "orders" && user) return await ordersPage();
  return page === "orders" || page === "sign-in" ? signInPage() : await cataloguePage();
}

function failurePage(error: unknown): Node[] {
  const section = element(
    "section",
    { role: "alert" },
    element("h1", {}, "This page could not be loaded"),
    element("p", {}, reasonOf(error)),
    element("button", { onclick: () => attempt(open) }, "Try again"),
  );
  return [section];
}

function showPieces(): void {
  const pieces = cart().reduce((sum, it) => sum + it.quantity, 0);
  cartLink.textContent = `Cart (${pieces})`;
}

function showAccount(): void {
  if (user) {
    const leave = element(
      "button",
      { className: "plain", onclick: () => attempt(leaveAccount) },
      "Log out",
    );
    account.replaceChildren(element("span", {}, user.name), leave);
  } else {
    account.replaceChildren(element("a", { href: "#sign-in" }, "Log in"));
  }
}

async function leaveAccount(): Promise<void> {
  try {
    await signOut();
  } finally {
    user = undefined;
    await show();
  }
  say("You are logged out.");
}

async function cataloguePage(): Promise<Node[]> {
  if (products.length === 0) {
    products = await firstOf(shop.products.list({ sort: "name" }), MAX_PRODUCTS);
  }
  const list = element("ul", { className: "products" }, ...products.map(productCard));
  return [element("section", {}, element("h1", {}, "Catalogue"), list), cartOf(cart())];
}

async function firstOf<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) {
    found.push(item);
    if (found.length === count) break;
  }
  return found;
}

function productCard(product: Product): HTMLLIElement {
  const { name, price, currency, stock } = product;
  const isGone = stock === 0;
  const button = element(
    "button",
    {
      ariaLabel: `Add ${name}`,
      disabled: isGone,
      onclick: () => add(product),
    },
    isGone ? "Sold out" : "Add",
  );
  return element(
    "li",
    {},
    pictureOf(product),
    element("h2", {}, name),
    element("p", { className: "price" }, formatMoney(price, currency)),
    button,
  );
}

function cartOf(lines: CartLine[]): HTMLElement {
  shown = lines;
  const heading = element("h2", { id: "cart", tabIndex: -1 }, "Your cart");
  const section = element("aside", {}, heading);
  section.setAttribute("aria-labelledby", "cart");
  if (lines.length === 0) {
    section.append(element("p", {}, "It is empty."));
    return section;
  }
  const total = element("span", { className: "amount" }, totalShown());
  const form = element(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        attempt(() => order(shown));
      },
    },
    element("ul", {}, ...lines.map((line) => cartLine(line, total))),
    element("p", { className: "total" }, element("span", {}, "Total"), total),
    element("button", {}, user ? "Order" : "Log in to order"),
  );
  section.append(form);
  return section;
}

/** Return the total, or nothing for a cart of two currencies, which another tab can cause. */
function totalShown(): string {
  const [currency, ...others] = new Set(shown.map((it) => it.currency));
  return currency && others.length === 0 ? formatMoney(totalOf(shown), currency) : "";
}

function cartLine(line: CartLine, total: HTMLElement): HTMLLIElement {
  const amount = element(
    "span",
    { className: "amount" },
    formatMoney(totalOf([line]), line.currency),
  );
  const quantity = element("input", {
    type: "number",
    min: "0",
    max: String(MAX_QUANTITY),
    step: "1",
    required: true,
    value: String(line.quantity),
    ariaLabel: `Quantity of ${line.name}`,
  });
  // In place: a new form would lose the click that ends the input.
  quantity.addEventListener("input", () => {
    amount.textContent = "";
    total.textContent = "";
    if (!isQuantity(quantity)) return;
    const changed = { ...line, quantity: quantity.valueAsNumber };
    setQuantity(line, changed.quantity);
    showPieces();
    shown = shown.map((it) => (it.id === line.id ? changed : it));
    amount.textContent = formatMoney(totalOf([changed]), line.currency);
    if ([...main.querySelectorAll<HTMLInputElement>("aside input")].every(isQuantity)) {
      total.textContent = totalShown();
    }
  });
  quantity.addEventListener("change", () => {
    if (quantity.valueAsNumber === 0) change(line, 0);
  });
  return element("li", {}, element("span", {}, line.name), quantity, amount);
}

function isQuantity({ validity, valueAsNumber }: HTMLInputElement): boolean {
  return validity.valid && valueAsNumber > 0;
}

function add(product: Product): void {
  const { id, currency } = product;
  const other = cart().find((it) => it.id !== id && it.currency !== currency);
  if (other) {
    say(
      `An order has one currency. Your cart is in ${other.currency}: order or empty it before you add a product in ${currency}.`,
    );
    return;
  }
  say("");
  change(product, Math.min(quantityOf(id) + 1, MAX_QUANTITY));
}

function change(product: Omit<CartLine, "quantity">, quantity: number): void {
  setQuantity(product, quantity);
  showCart();
}

function showCart(): void {
  showPieces();
  main.querySelector("aside")?.replaceWith(cartOf(cart()));
}

async function order(lines: CartLine[]): Promise<void> {
  if (!user) {
    location.hash = "sign-in";
    return;
  }
  say("Ordering…");
  const placed = await placeOrder(user.id, lines);
  products = [];
  await go(placed ? "orders" : "catalogue");
  say(
    placed
      ? `Thank you! You ordered for ${formatMoney(placed.total, placed.currency)}.`
      : "There is nothing left to order.",
  );
}

async function ordersPage(): Promise<Node[]> {
  const orders = await firstOf(shop.orders.list(), MAX_ORDERS);
  const list = element("ul", { className: "orders" }, ...orders.map(orderCard));
  const found = orders.length ? list : element("p", {}, "You have no orders yet.");
  return [element("section", {}, element("h1", {}, "Your orders"), found)];
}

function orderCard({ id, status, createdAt, total, currency, items }: Order): HTMLLIElement {
  const at = new Date(createdAt).toLocaleString(undefined, {
    dateStyle: "medium",
    timeStyle: "short",
  });
  const heading = element(
    "h2",
    {},
    at,
    " ",
    element("span", { className: `state ${status}` }, status),
  );
  const lines = items.map((it) => element("li", {}, `${it.quantity} × ${it.name}`));
  const card = element(
    "li",
    {},
    heading,
    element("ul", {}, ...lines),
    element("p", { className: "price" }, formatMoney(total, currency)),
  );
  if (status === "pending") {
    card.append(
      element(
        "button",
        { className: "plain", onclick: () => attempt(() => cancel(id)) },
        "Cancel this order",
      ),
    );
  }
  return card;
}

async function cancel(orderId: string): Promise<void> {
  await shop.orders.cancel(orderId);
  products = [];
  await show();
  say("The order is cancelled.");
}

function signInPage(): Node[] {
  return [
    element(
      "section",
      { className: "sign-in" },
      element("h1", {}, "Log in"),
      form(
        "Log in",
        [emailField(), passwordField("current-password")],
        async ({ email, password }) => {
          await shop.logIn({ email, password });
          await entered();
        },
      ),
      ...(hasOAuth ? [oauthButton()] : []),
      element("h2", {}, "New here?"),
      form(
        "Sign up",
        [
          field("Name", { name: "name", autocomplete: "name", maxLength: 100 }),
          emailField(),
          passwordField("new-password", "At least 8 characters"),
        ],
        async ({ name, email, password }) => {
          await shop.signUp({ name, email, password });
          await shop.logIn({ email, password });
          await entered();
        },
      ),
    ),
  ];
}

function oauthButton(): HTMLButtonElement {
  const options = { className: "plain", onclick: () => attempt(beginSignIn) };
  return element("button", options, "Sign in with Shop");
}

type Fields = Record<"name" | "email" | "password", string>;

function form(
  action: string,
  fields: HTMLElement[],
  work: (fields: Fields) => Promise<void>,
): HTMLFormElement {
  return element(
    "form",
    {
      ariaLabel: action,
      onsubmit: (event: Event) => {
        event.preventDefault();
        const entries = new FormData(event.currentTarget as HTMLFormElement);
        attempt(() => work(Object.fromEntries(entries) as Fields));
      },
    },
    ...fields,
    element("button", {}, action),
  );
}

function emailField(): HTMLElement {
  return field("Email", { name: "email", type: "email", autocomplete: "username", maxLength: 254 });
}

function passwordField(autocomplete: "current-password" | "new-password", hint = ""): HTMLElement {
  return field("Password", { name: "password", type: "password", autocomplete, placeholder: hint });
}

function field(
  label: string,
  options: Partial<
    Pick<HTMLInputElement, "name" | "type" | "autocomplete" | "maxLength" | "placeholder">
  >,
): HTMLElement {
  return element("label", {}, label, element("input", { required: true, ...options }));
}

async function entered(): Promise<void> {
  await loadUser();
  await go("catalogue");
  say(user ? `Welcome, ${user.name}.` : "");
  await completePending();
}

/** Do work of one click at a time, and report its error. */
async function attempt(work: () => Promise<void>): Promise<void> {
  if (document.body.ariaBusy === "true") return;
  document.body.ariaBusy = "true";
  say("Please wait…");
  try {
    await work();
    if (statusLine.textContent === "Please wait…") say("");
  } catch (error) {
    await report(error);
  } finally {
    document.body.ariaBusy = "false";
  }
}

async function report(error: unknown): Promise<void> {
  say(reasonOf(error));
  if (error instanceof CartChanged) showCart();
  // A rejected login ends no session: its form stays as it is.
  if (user && (await hasEnded(error))) {
    user = undefined;
    await show();
  }
}

/** Return whether the session has ended, rather than a request of it was rejected. */
async function hasEnded(error: unknown): Promise<boolean> {
  return error instanceof ShopError && error.status === 401 && !(await isSignedIn());
}

function reasonOf(error: unknown): string {
  if (error instanceof ShopError) {
    const faults = error.details.map((it) => `${it.field.replace(/^body\./, "")}: ${it.message}`);
    return [error.message, ...faults].join(" ");
  }
  if (error instanceof NoAnswer) {
    return user && hasPendingOrder(user.id)
      ? "The shop did not answer. Your order is kept: reload the page to complete it."
      : "The shop did not answer. Try again.";
  }
  if (error instanceof CartChanged) return error.message;
  console.error(error);
  return "The shop is not reachable. Try again.";
}

function say(text: string): void {
  statusLine.textContent = text;
}

// A page opens at once, although another one is still loading.
window.addEventListener("hashchange", () => {
  say("");
  show().catch(report);
});
// A message is about the last action.
window.addEventListener("input", () => {
  if (document.body.ariaBusy !== "true") say("");
});
// Another tab has changed the cart, logged in or out, or cleared everything, which has no key.
window.addEventListener("storage", ({ key }) => {
  if (key === CART || key === null) showCart();
  if (key === TOKENS || key === null)
    attempt(async () => {
      await loadUser();
      await show();
    });
});
attempt(begin);
