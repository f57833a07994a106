/** The shop's API, by what one does with it. */

import createApi, { type Client } from "openapi-fetch";
import { isRefusal, NoAnswer } from "./errors.js";
import { randomKey } from "./keys.js";
import type {
  OrderPlace,
  OrderUpdate,
  operations,
  PasswordChange,
  ProductCreate,
  ProductUpdate,
  paths,
  SessionCreate,
  UserCreate,
  UserReplace,
  UserUpdate,
} from "./openapi.js";
import { items } from "./pages.js";
import { noAnswer, type Sending, send } from "./sending.js";
import {
  authorized,
  dependable,
  inMemory,
  type TokenStorage,
  type Tokens,
  tokensIn,
} from "./tokens.js";

type Defaulted<Options> = { [Name in keyof Options]?: Options[Name] | undefined };

/** Options that are undefined have their defaults. */
export interface ShopOptions extends Defaulted<Sending> {
  /** Where the API is, with the stage or base path if it has one. */
  baseUrl: string;
  /** In memory unless said otherwise. One that throws is replaced by memory until it works again. */
  tokens?: TokenStorage | undefined;
  /** Called when the tokens are forgotten: after a logout, or once the API refuses to renew them. */
  onSessionEnd?: (() => void) | undefined;
}

/** The paths that answer JSON. */
type Api = Omit<paths, "/recovery">;

/** openapi-fetch's client. */
export interface ShopApi extends Client<Api> {}

/** What a list may be filtered and sorted by. */
export type Filters<Operation extends keyof operations> = Omit<
  NonNullable<operations[Operation]["parameters"]["query"]>,
  "page" | "cursor"
>;

// The API promises 30 seconds, in which a spent refresh token gives the same successor.
const RENEWABLE = 25_000; // milliseconds

// Of an edit that others keep overtaking.
const EDITS = 5;

export type Shop = ReturnType<typeof createShop>;

/** Every method throws `ShopError` where the API refuses, and `NoAnswer` where none comes. */
export function createShop({
  baseUrl,
  tokens: storage = inMemory(),
  onSessionEnd = () => undefined,
  fetch = (request, init) => globalThis.fetch(request, init),
  timeout = 15_000,
  attempts = 4,
  longestWait = 20_000,
}: ShopOptions) {
  const tokens = dependable(storage, onSessionEnd);
  const sending: Sending = { fetch, timeout, attempts, longestWait };
  const renewals = createApi<Api>({
    baseUrl,
    fetch: (request) => send(request, sending, { repeatable: true, until: Date.now() + RENEWABLE }),
  });
  const api: ShopApi = createApi<Api>({
    baseUrl,
    fetch: authorized(
      (request, mayBeDone = false) => send(request, sending, { mayBeDone }),
      tokens,
      async (refreshToken) =>
        granted(
          "/api/access-tokens",
          await renewals.POST("/api/access-tokens", { body: { refreshToken } }),
        ),
    ),
  });

  return {
    /** Every path that answers JSON, typed, with the same tokens, retries and errors. */
    api,

    signUp: (body: UserCreate) => data(api.POST("/api/users", { body })),

    /** Logs in, and keeps the tokens. */
    async logIn(body: SessionCreate) {
      const answer = await api.POST("/api/sessions", { body });
      await tokens.save(granted("/api/sessions", answer));
      return (answer.data as Data<typeof answer>).session;
    },

    /** Ends the session, and forgets the tokens even where no answer comes. */
    async logOut() {
      try {
        await api.DELETE("/api/sessions/{sessionId}", {
          params: { path: { sessionId: "current" } },
        });
      } catch (error) {
        // Both mean that the session has ended: 404 while the gateway still accepts the access token.
        if (!isRefusal(error, "UNAUTHORIZED") && !isRefusal(error, "NOT_FOUND")) throw error;
      } finally {
        await tokens.save(undefined);
      }
    },

    /** Asks for an email with a link, which holds the token for `resetPassword`. */
    async requestPasswordReset(email: string) {
      await api.POST("/api/password-resets", { body: { email } });
    },

    /** Sets a new password. All sessions of the user end. */
    async resetPassword(token: string, password: string) {
      const params = { path: { token } };
      await api.PUT("/api/password-resets/{token}", { params, body: { password } });
    },

    /** Asks for an email to the user's address, with a link that holds the token for `verifyEmail`. */
    async requestEmailVerification() {
      await api.POST("/api/email-verifications", { body: {} });
    },

    async verifyEmail(token: string) {
      await api.PUT("/api/email-verifications/{token}", { params: { path: { token } } });
    },

    sessions: {
      list: async () => (await data(api.GET("/api/sessions"))).data,
      end: (sessionId: string) =>
        deleted(api.DELETE("/api/sessions/{sessionId}", { params: { path: { sessionId } } })),
      async endAll() {
        await api.DELETE("/api/sessions");
        await tokens.save(undefined);
      },
    },

    users: {
      list: (query: Filters<"listUsers"> = {}) =>
        items((at) => data(api.GET("/api/users", { params: { query: { ...query, ...at } } }))),
      get: (userId = "me") => data(readUser(userId)),
      replace: (userId: string, body: UserReplace) =>
        data(api.PUT("/api/users/{userId}", { params: { path: { userId } }, body })),
      update: (userId: string, body: UserUpdate) => data(patchUser(userId, body)),
      edit: edit(readUser, patchUser),
      async delete(userId = "me") {
        await deleted(api.DELETE("/api/users/{userId}", { params: { path: { userId } } }));
        if (userId === "me") await tokens.save(undefined);
      },
      async changePassword(body: PasswordChange, userId = "me") {
        await api.PUT("/api/users/{userId}/password", { params: { path: { userId } }, body });
      },
    },

    products: {
      list: (query: Filters<"listProducts"> = {}) =>
        items((at) => data(api.GET("/api/products", { params: { query: { ...query, ...at } } }))),
      get: (productId: string) => data(readProduct(productId)),
      create: (body: ProductCreate, key: string = randomKey()) =>
        data(api.POST("/api/products", { params: { header: { "Idempotency-Key": key } }, body })),
      update: (productId: string, body: ProductUpdate) => data(patchProduct(productId, body)),
      edit: edit(readProduct, patchProduct),
      delete: (productId: string) =>
        deleted(api.DELETE("/api/products/{productId}", { params: { path: { productId } } })),
    },

    orders: {
      list: (query: Filters<"listOrders"> = {}, userId = "me") =>
        items((at) => {
          const params = { path: { userId }, query: { ...query, ...at } };
          return data(api.GET("/api/users/{userId}/orders", { params }));
        }),
      /** Of everybody. */
      listAll: (query: Filters<"listAllOrders"> = {}) =>
        items((at) => data(api.GET("/api/orders", { params: { query: { ...query, ...at } } }))),
      get: (orderId: string, userId = "me") => data(readOrder(orderId, userId)),
      /** One key is one order: give your own where a restart of your program may try again. */
      place(body: OrderPlace, key: string = randomKey(), userId = "me") {
        const params = { path: { userId }, header: { "Idempotency-Key": key } };
        return data(api.POST("/api/users/{userId}/orders", { params, body }));
      },
      update: (orderId: string, body: OrderUpdate, userId = "me") =>
        updateOrder(orderId, body, userId),
      edit: edit(readOrder, patchOrder),
      cancel: (orderId: string, userId = "me") =>
        updateOrder(orderId, { status: "cancelled" }, userId),
    },
  };

  function readUser(userId: string) {
    return api.GET("/api/users/{userId}", { params: { path: { userId } } });
  }

  function patchUser(userId: string, body: UserUpdate, header: Condition = {}) {
    return api.PATCH("/api/users/{userId}", { params: { path: { userId }, header }, body });
  }

  function readProduct(productId: string) {
    return api.GET("/api/products/{productId}", { params: { path: { productId } } });
  }

  function patchProduct(productId: string, body: ProductUpdate, header: Condition = {}) {
    const params = { path: { productId }, header };
    return api.PATCH("/api/products/{productId}", { params, body });
  }

  function readOrder(orderId: string, userId = "me") {
    const params = { path: { userId, orderId } };
    return api.GET("/api/users/{userId}/orders/{orderId}", { params });
  }

  function patchOrder(orderId: string, body: OrderUpdate, header: Condition = {}, userId = "me") {
    const params = { path: { userId, orderId }, header };
    return api.PATCH("/api/users/{userId}/orders/{orderId}", { params, body });
  }

  /** An order that a lost try has changed already refuses the next one: it is read to find out. */
  async function updateOrder(orderId: string, body: OrderUpdate, userId: string) {
    try {
      return await data(patchOrder(orderId, body, {}, userId));
    } catch (error) {
      if (!isRefusal(error, "INVALID_TRANSITION") || !error.mayBeDone) throw error;
      const order = await data(readOrder(orderId, userId));
      const { status = order.status, note = order.note } = body;
      // The API trims notes before it stores them.
      if (order.status !== status || order.note?.trim() !== note?.trim()) throw error;
      return order;
    }
  }
}

/** Tokens are replaced by tokens only, never by what somebody else answered. */
function granted(url: string, { data: grant, response }: Answer): Tokens {
  const tokens = tokensIn(grant);
  if (tokens === undefined) {
    const cause = new Error("It has no tokens.");
    throw noAnswer({ method: "POST", url }, { answer: response, cause });
  }
  return tokens;
}

interface Condition {
  "If-Match"?: string;
}

interface Answer {
  data?: unknown;
  response: Response;
}

type Data<Got extends Answer> = NonNullable<Got["data"]>;

/** What `send` returns is no refusal, so that there is something in it. */
async function data<Got extends Answer>(answer: Promise<Got>): Promise<Data<Got>> {
  return (await answer).data as Data<Got>;
}

/** Gone is gone, by whichever of the tries. */
async function deleted(answer: Promise<Answer>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!isRefusal(error, "NOT_FOUND") || !error.mayBeDone) throw error;
  }
}

/** Reads, has a change decided on by what was read, and begins anew where somebody else was first. */
function edit<Read extends Answer, Written extends Answer, Change>(
  read: (id: string) => Promise<Read>,
  write: (id: string, change: Change, condition: Condition) => Promise<Written>,
) {
  return async (id: string, decide: (found: Data<Read>) => Change): Promise<Data<Written>> => {
    for (let edits = 1; ; edits++) {
      const { data: found, response } = await read(id);
      const version = response.headers.get("ETag");
      if (!version) throw new NoAnswer("No answer of the shop: it has no ETag");
      try {
        return await data(write(id, decide(found as Data<Read>), { "If-Match": version }));
      } catch (error) {
        const overtaken = isRefusal(error, "PRECONDITION_FAILED") && !error.mayBeDone;
        if (!overtaken || edits >= EDITS) throw error;
      }
    }
  };
}
