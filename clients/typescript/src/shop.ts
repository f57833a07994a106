/** The shop's API, by what one does with it. */

import createApi from "openapi-fetch";
import { isRefusal } from "./errors.js";
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
import { type Sending, send } from "./sending.js";
import { authorized, inMemory, type TokenStorage } from "./tokens.js";

export interface ShopOptions extends Partial<Sending> {
  /** Where the API is, with the stage or base path if it has one. */
  baseUrl: string;
  /** In memory unless said otherwise. */
  tokens?: TokenStorage;
}

type Filters<Operation extends keyof operations> = Omit<
  NonNullable<operations[Operation]["parameters"]["query"]>,
  "page" | "cursor"
>;

// The API promises 30 seconds, in which a spent refresh token gives the same successor.
const RENEWABLE = 25_000; // milliseconds

// Of an edit that others keep overtaking.
const EDITS = 5;

export type Shop = ReturnType<typeof createShop>;

/** Every method throws `ShopError` where the API refuses, and `NoAnswer` where none comes. */
export function createShop({ baseUrl, tokens = inMemory(), ...given }: ShopOptions) {
  const sending: Sending = {
    fetch: (request) => globalThis.fetch(request),
    timeout: 15_000,
    attempts: 4,
    longestWait: 20_000,
    ...given,
  };
  const renewals = createApi<paths>({
    baseUrl,
    fetch: (request) => send(request, sending, { repeatable: true, until: Date.now() + RENEWABLE }),
  });
  const api = createApi<paths>({
    baseUrl,
    fetch: authorized(
      (request) => send(request, sending),
      tokens,
      (refreshToken) => data(renewals.POST("/api/access-tokens", { body: { refreshToken } })),
    ),
  });

  return {
    /** Every path of the API, typed, with the same tokens, retries and errors. */
    api,

    signUp: (body: UserCreate) => data(api.POST("/api/users", { body })),

    /** Logs in, and keeps the tokens. */
    async logIn(body: SessionCreate) {
      const { accessToken, refreshToken, session } = await data(
        api.POST("/api/sessions", { body }),
      );
      await tokens.save({ accessToken, refreshToken });
      return session;
    },

    /** Ends the session, and forgets the tokens even where no answer comes. */
    async logOut() {
      try {
        await api.DELETE("/api/sessions/{sessionId}", {
          params: { path: { sessionId: "current" } },
        });
      } catch (error) {
        if (!isRefusal(error, "UNAUTHORIZED")) throw error; // it has ended already
      } finally {
        await tokens.save(undefined);
      }
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
      delete: (userId = "me") =>
        deleted(api.DELETE("/api/users/{userId}", { params: { path: { userId } } })),
      async changePassword(body: PasswordChange, userId = "me") {
        await api.PUT("/api/users/{userId}/password", { params: { path: { userId } }, body });
      },
    },

    products: {
      list: (query: Filters<"listProducts"> = {}) =>
        items((at) => data(api.GET("/api/products", { params: { query: { ...query, ...at } } }))),
      get: (productId: string) => data(readProduct(productId)),
      create: (body: ProductCreate, key: string = crypto.randomUUID()) =>
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
      place(body: OrderPlace, key: string = crypto.randomUUID(), userId = "me") {
        const params = { path: { userId }, header: { "Idempotency-Key": key } };
        return data(api.POST("/api/users/{userId}/orders", { params, body }));
      },
      update: (orderId: string, body: OrderUpdate, userId = "me") =>
        data(patchOrder(orderId, body, {}, userId)),
      edit: edit(readOrder, patchOrder),
      async cancel(orderId: string, userId = "me") {
        try {
          return await data(patchOrder(orderId, { status: "cancelled" }, {}, userId));
        } catch (error) {
          if (!isRefusal(error, "INVALID_TRANSITION") || !error.mayBeDone) throw error;
          const order = await data(readOrder(orderId, userId));
          if (order.status !== "cancelled") throw error;
          return order;
        }
      },
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
      const condition = { "If-Match": response.headers.get("ETag") ?? "*" };
      try {
        return await data(write(id, decide(found as Data<Read>), condition));
      } catch (error) {
        const overtaken = isRefusal(error, "PRECONDITION_FAILED") && !error.mayBeDone;
        if (!overtaken || edits >= EDITS) throw error;
      }
    }
  };
}
