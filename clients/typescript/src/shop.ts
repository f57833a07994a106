/** The client: one method per operation of the API. */

import createApi, { type Client, defaultPathSerializer } from "openapi-fetch";
import { hasCode, NoAnswer } from "./errors.js";
import { randomKey } from "./keys.js";
import type {
  Order,
  OrderPlace,
  OrderUpdate,
  operations,
  PasswordChange,
  PersonalData,
  ProductCreate,
  ProductUpdate,
  paths,
  SessionCreate,
  UserCreate,
  UserReplace,
  UserUpdate,
} from "./openapi.js";
import { items } from "./pages.js";
import * as passkeys from "./passkeys.js";
import { noAnswer, send, type TransportOptions } from "./sending.js";
import {
  authorized,
  inMemory,
  type Lock,
  type TokenStorage,
  type Tokens,
  tokensIn,
  withMemoryFallback,
} from "./tokens.js";

type Defaulted<Options> = { [Name in keyof Options]?: Options[Name] | undefined };

/** Options of `createShop`. Undefined options have their defaults. */
export interface ShopOptions extends Defaulted<TransportOptions> {
  /** The URL of the API, including a stage or base path. */
  baseUrl: string;
  /** Default: in memory. If the storage throws, tokens stay in memory until it works again. */
  tokens?: TokenStorage | undefined;
  /** Called when the tokens are deleted: after a logout, or if the API rejects their renewal. */
  onSessionEnd?: (() => void) | undefined;
  /** Serialize renewals across pages, for example by `navigator.locks`. Default: none. */
  lock?: Lock | undefined;
  /**
   * Renew tokens, such as those of OAuth, or call `renewSession` for those of a session, which is the default.
   * Return undefined if they are rejected: the session has ended.
   */
  renew?:
    | ((
        refreshToken: string,
        renewSession: (refreshToken: string) => Promise<Tokens>,
      ) => Promise<Tokens | undefined>)
    | undefined;
}

/** The paths with JSON responses. */
type Api = Omit<paths, "/recovery">;

/** openapi-fetch's client. */
export interface ShopApi extends Client<Api> {}

/** Filters and sort order of a list. */
export type Filters<Operation extends keyof operations> = Omit<
  NonNullable<operations[Operation]["parameters"]["query"]>,
  "page" | "cursor"
>;

// For 30 s, the API exchanges a spent refresh token for the same successor.
const MAX_RENEWAL_TIME = 25_000; // milliseconds

// Concurrent changes can make each attempt of an edit stale.
const MAX_EDIT_ATTEMPTS = 5;

export type Shop = ReturnType<typeof createShop>;

/** Create a client. Its methods throw `ShopError` for error responses, and `NoAnswer` without a valid response. */
export function createShop({
  baseUrl,
  tokens: storage = inMemory(),
  onSessionEnd = () => undefined,
  lock = (work) => work(),
  renew = (refreshToken, renewSession) => renewSession(refreshToken),
  fetch = (request, init) => globalThis.fetch(request, init),
  timeout = 15_000,
  attempts = 4,
  longestWait = 20_000,
}: ShopOptions) {
  const tokens = withMemoryFallback(storage, onSessionEnd);
  const transport: TransportOptions = { fetch, timeout, attempts, longestWait };
  const renewals = createApi<Api>({
    baseUrl,
    fetch: (request) =>
      send(request, transport, { repeatable: true, until: Date.now() + MAX_RENEWAL_TIME }),
  });
  const api: ShopApi = createApi<Api>({
    baseUrl,
    pathSerializer,
    fetch: authorized(
      (request, mayBeDone = false) => send(request, transport, { mayBeDone }),
      tokens,
      (refreshToken) => renew(refreshToken, renewSession),
      lock,
    ),
  });

  async function renewSession(refreshToken: string): Promise<Tokens> {
    const response = await renewals.POST("/api/access-tokens", { body: { refreshToken } });
    return requireTokens("/api/access-tokens", response);
  }

  return {
    /** Every path with JSON responses, typed, with the same tokens, retries and errors. */
    api,

    signUp: (body: UserCreate) => data(api.POST("/api/users", { body })),

    /** Log in, and save the tokens. */
    async logIn(body: SessionCreate) {
      const response = await api.POST("/api/sessions", { body });
      await tokens.save(requireTokens("/api/sessions", response));
      return (response.data as Data<typeof response>).session;
    },

    /** End the session, and delete the tokens even if no response arrives. */
    async logOut() {
      try {
        await api.DELETE("/api/sessions/{sessionId}", {
          params: { path: { sessionId: "current" } },
        });
      } catch (error) {
        // Both mean that the session has ended: 404 while the gateway still accepts the access token.
        if (!hasCode(error, "UNAUTHORIZED") && !hasCode(error, "NOT_FOUND")) throw error;
      } finally {
        await tokens.save(undefined);
      }
    },

    /** Request an email with a link that contains the token for `resetPassword`. */
    async requestPasswordReset(email: string) {
      await api.POST("/api/password-resets", { body: { email } });
    },

    /** Set a new password, and end all sessions of the user. */
    async resetPassword(token: string, password: string) {
      const params = { path: { token } };
      await api.PUT("/api/password-resets/{token}", { params, body: { password } });
    },

    /** Request an email to the user's address, with a link that contains the token for `verifyEmail`. */
    async requestEmailVerification() {
      await api.POST("/api/email-verifications", { body: {} });
    },

    async verifyEmail(token: string) {
      await api.PUT("/api/email-verifications/{token}", { params: { path: { token } } });
    },

    /** For browsers. Both methods throw the browser's `NotAllowedError` if the user declines. */
    passkeys: {
      /** Whether this browser has passkeys. */
      isSupported: (): boolean => passkeys.isSupported(),

      /** Create a passkey of the logged-in user. The login must be at most 10 minutes old. */
      async create(name: string) {
        const user = await data(readUser("me"));
        const created = await passkeys.register(await newChallenge(), user);
        return data(api.POST("/api/passkeys", { body: { ...created, name } }));
      },

      /** Log in with a passkey that the user chooses, and save the tokens. */
      async logIn() {
        const body = await passkeys.sign(await newChallenge());
        const response = await api.POST("/api/passkey-sessions", { body });
        await tokens.save(requireTokens("/api/passkey-sessions", response));
        return (response.data as Data<typeof response>).session;
      },
    },

    sessions: {
      list: async () => (await data(api.GET("/api/sessions"))).data,
      end: (sessionId: string) =>
        deleted(api.DELETE("/api/sessions/{sessionId}", { params: { path: { sessionId } } })),
      /** End all sessions, and delete the tokens. */
      async endAll() {
        try {
          await api.DELETE("/api/sessions");
        } catch (error) {
          // After a lost response, this session has ended with the others.
          if (!hasCode(error, "UNAUTHORIZED") || !error.mayBeDone) throw error;
        }
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
      /** Return everything that is stored about a user: all pages as one document. */
      async personalData(userId = "me"): Promise<PersonalData> {
        const pages: PersonalData[] = [];
        const orders: Order[] = [];
        const found = items(async (at) => {
          const params = { path: { userId }, query: at };
          const page = await data(api.GET("/api/users/{userId}/personal-data", { params }));
          pages.push(page);
          return { data: page.orders, meta: page.meta };
        });
        for await (const order of found) orders.push(order);
        return { ...(pages[0] as PersonalData), orders, meta: { nextCursor: null } };
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
      /** List the orders of all users. */
      listAll: (query: Filters<"listAllOrders"> = {}) =>
        items((at) => data(api.GET("/api/orders", { params: { query: { ...query, ...at } } }))),
      get: (orderId: string, userId = "me") => data(readOrder(orderId, userId)),
      /** Place an order, once per key. Pass your own key if your program may retry after a restart. */
      place(body: OrderPlace, key: string = randomKey(), userId = "me") {
        const params = { path: { userId }, header: { "Idempotency-Key": key } };
        return data(api.POST("/api/users/{userId}/orders", { params, body }));
      },
      update: (orderId: string, body: OrderUpdate, userId = "me") =>
        updateOrder(orderId, body, userId),
      edit: (orderId: string, decide: (order: Order) => OrderUpdate, userId = "me") =>
        edit(
          () => readOrder(orderId, userId),
          (_, body: OrderUpdate, header) => patchOrder(orderId, body, header, userId),
        )(orderId, decide),
      cancel: (orderId: string, userId = "me") =>
        updateOrder(orderId, { status: "cancelled" }, userId),
    },
  };

  function newChallenge() {
    return data(api.POST("/api/passkey-challenges", { body: {} }));
  }

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

  /** Update an order. After a lost response, read the order: a retry of a committed change fails with `INVALID_TRANSITION`. */
  async function updateOrder(orderId: string, body: OrderUpdate, userId: string) {
    try {
      return await data(patchOrder(orderId, body, {}, userId));
    } catch (error) {
      if (!hasCode(error, "INVALID_TRANSITION") || !error.mayBeDone) throw error;
      const order = await data(readOrder(orderId, userId));
      const { status = order.status, note = order.note } = body;
      if (order.status !== status || trimmed(order.note) !== trimmed(note)) throw error;
      return order;
    }
  }
}

/** Return a note without blanks and direction marks around it, as the API stores it. */
function trimmed(note: string | null | undefined): string {
  return (note ?? "").replace(
    /^[\s\u202a-\u202e\u2066-\u2069]+|[\s\u202a-\u202e\u2066-\u2069]+$/g,
    "",
  );
}

/** Return the tokens of a response; throw if it has none, so another server's response never replaces them. */
function requireTokens(url: string, { data: grant, response }: ApiResult): Tokens {
  const tokens = tokensIn(grant);
  if (tokens === undefined) {
    const cause = new Error("It has no tokens.");
    throw noAnswer({ method: "POST", url }, { response, cause });
  }
  return tokens;
}

/** Serialize the path; throw for an id that results in another path, since URLs normalize dots. */
function pathSerializer(path: string, ids: Record<string, unknown>): string {
  for (const [name, id] of Object.entries(ids)) {
    if (["", ".", ".."].includes(String(id))) throw new RangeError(`${name} must not be "${id}"`);
  }
  return defaultPathSerializer(path, ids);
}

interface Condition {
  "If-Match"?: string;
}

interface ApiResult {
  data?: unknown;
  response: Response;
}

type Data<Result extends ApiResult> = NonNullable<Result["data"]>;

/** Return the data, which is always present: `send` throws for error responses. */
async function data<Result extends ApiResult>(work: Promise<Result>): Promise<Data<Result>> {
  return (await work).data as Data<Result>;
}

/** Delete, where 404 after a lost response is success: an earlier attempt deleted the item. */
async function deleted(work: Promise<ApiResult>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, "NOT_FOUND") || !error.mayBeDone) throw error;
  }
}

/** Read, compute the change and write it with `If-Match`; after a concurrent change, start again. */
function edit<Read extends ApiResult, Written extends ApiResult, Change>(
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
        const isStale = hasCode(error, "PRECONDITION_FAILED") && !error.mayBeDone;
        if (!isStale || edits >= MAX_EDIT_ATTEMPTS) throw error;
      }
    }
  };
}
