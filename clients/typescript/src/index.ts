/** The shop's API for TypeScript. */

export { type ErrorCode, NoAnswer, ShopError } from "./errors.js";
export type {
  components,
  ErrorDetail,
  Order,
  OrderLine,
  OrderPlace,
  OrderStatus,
  OrderUpdate,
  operations,
  Product,
  ProductCreate,
  ProductStatus,
  ProductUpdate,
  paths,
  Session,
  User,
  UserCreate,
  UserReplace,
  UserUpdate,
} from "./openapi.js";
export { createShop, type Shop, type ShopOptions } from "./shop.js";
export { inMemory, type TokenStorage, type Tokens } from "./tokens.js";
