/** The shop's API for TypeScript. */

export { type ErrorCode, NoAnswer, ShopError } from "./errors.js";
export type * from "./openapi.js";
export { createShop, type Filters, type Shop, type ShopApi, type ShopOptions } from "./shop.js";
export { inLocalStorage, inMemory, type Lock, type TokenStorage, type Tokens } from "./tokens.js";
export * as webhooks from "./webhooks.js";
