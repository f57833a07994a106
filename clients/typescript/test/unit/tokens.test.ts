import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inLocalStorage, type TokenStorage } from "../../src/index.js";
import {
  errorResponse,
  grant,
  headers,
  jsonResponse,
  loggedIn,
  lost,
  never,
  paths,
  scripted,
} from "../scripted.js";

const UNAUTHORIZED = () => errorResponse(401, "UNAUTHORIZED");
const RENEWED = { accessToken: "access-new", refreshToken: "refresh-new" };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function settled<Value>(work: Promise<Value>): Promise<Value | Error> {
  const caught = work.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return caught;
}

test("tokens of a login are saved, and sent with later requests", async () => {
  const { shop, requests } = scripted([grant("new"), jsonResponse({ id: "ada" })]);

  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([null, "Bearer access-new"]);
});

test("rejected token is renewed, and the request is sent again", async () => {
  const tokens = loggedIn();
  const { shop, requests } = scripted(
    [UNAUTHORIZED(), grant("new"), jsonResponse({ id: "1" }, 201)],
    {
      tokens,
    },
  );

  await shop.orders.place({ items: [{ productId: "pear", quantity: 2 }] });

  expect(headers(requests, "Authorization")).toEqual([
    "Bearer access-old",
    null,
    "Bearer access-new",
  ]);
  expect(headers(requests, "Idempotency-Key")[2]).toBe(headers(requests, "Idempotency-Key")[0]);
  expect(await requests[1]?.json()).toEqual({ refreshToken: "refresh-old" });
  expect(await tokens.load()).toEqual(RENEWED);
});

test("requests rejected in parallel share one renewal", async () => {
  const renewal = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return grant("new");
  };
  const { shop, requests } = scripted(
    [
      ...Array.from({ length: 5 }, UNAUTHORIZED),
      renewal,
      ...Array.from({ length: 5 }, () => jsonResponse({ id: "ada" })),
    ],
    { tokens: loggedIn() },
  );

  await settled(Promise.all(Array.from({ length: 5 }, () => shop.users.get())));

  expect(paths(requests).filter((path) => path === "POST /api/access-tokens")).toHaveLength(1);
  expect(headers(requests, "Authorization").slice(6)).toEqual(Array(5).fill("Bearer access-new"));
});

test("request rejected later uses the token renewed for others", async () => {
  let refuse: (response: Response) => void = () => undefined;
  const late = new Promise<Response>((resolve) => {
    refuse = resolve;
  });
  const { shop, requests } = scripted(
    [
      () => late,
      UNAUTHORIZED(),
      grant("new"),
      jsonResponse({ id: "1" }),
      jsonResponse({ id: "1" }),
    ],
    { tokens: loggedIn() },
  );

  const slow = shop.users.get();
  await shop.users.get();
  refuse(UNAUTHORIZED());
  await slow;

  expect(paths(requests).filter((path) => path === "POST /api/access-tokens")).toHaveLength(1);
});

test("renewal with a lost response is retried with the same token", async () => {
  const { shop, requests } = scripted(
    [UNAUTHORIZED(), lost(), grant("new"), jsonResponse({ id: "1" })],
    {
      tokens: loggedIn(),
    },
  );

  expect(await settled(shop.users.get())).not.toBeInstanceOf(Error);
  const sent = { refreshToken: "refresh-old" };
  expect([await requests[1]?.json(), await requests[2]?.json()]).toEqual([sent, sent]);
});

test("renewal is not retried after the 30 seconds of a spent token", async () => {
  const tokens = loggedIn();
  const times: number[] = [];
  const slow = async () => {
    times.push(Date.now());
    await new Promise((resolve) => setTimeout(resolve, 14_000));
    throw lost();
  };
  const { shop } = scripted([UNAUTHORIZED(), slow, slow, slow], { tokens });

  const error = await settled(shop.users.get());

  expect(error).toMatchObject({ name: "NoAnswer" });
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(25_000);
  expect(times).toHaveLength(2);
  expect(await tokens.load()).toMatchObject({ refreshToken: "refresh-old" });
});

test("tokens of an ended session are deleted, and the request fails", async () => {
  const tokens = loggedIn();
  const { shop, requests } = scripted([UNAUTHORIZED(), UNAUTHORIZED()], { tokens });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await tokens.load()).toBeUndefined();
  expect(requests).toHaveLength(2);
});

test("rejected new token is not renewed again", async () => {
  const { shop, requests } = scripted([UNAUTHORIZED(), grant("new"), UNAUTHORIZED()], {
    tokens: loggedIn(),
  });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(requests).toHaveLength(3);
});

test("wrong password renews no token", async () => {
  const { shop, requests } = scripted([errorResponse(401, "INVALID_CREDENTIALS")], {
    tokens: loggedIn(),
  });
  const change = { currentPassword: "wrong", newPassword: "a long walk" };

  expect(await settled(shop.users.changePassword(change))).toMatchObject({
    code: "INVALID_CREDENTIALS",
  });
  expect(requests).toHaveLength(1);
});

test("logout during a renewal persists", async () => {
  const tokens = loggedIn();
  const renewal = async () => {
    await tokens.save(undefined);
    return grant("new");
  };
  const { shop } = scripted([UNAUTHORIZED(), renewal], { tokens });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await tokens.load()).toBeUndefined();
});

test("tokens renewed by another tab are used", async () => {
  const tokens = loggedIn();
  const refused = async () => {
    await tokens.save(RENEWED);
    return UNAUTHORIZED();
  };
  const { shop, requests } = scripted([refused, jsonResponse({ id: "1" })], { tokens });

  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual(["Bearer access-old", "Bearer access-new"]);
});

test("renewal that waits for another tab's uses its tokens", async () => {
  const tokens = loggedIn();
  const { shop, requests } = scripted([UNAUTHORIZED(), jsonResponse({ id: "1" })], {
    tokens,
    lock: async (work) => {
      await tokens.save(RENEWED);
      return work();
    },
  });

  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual(["Bearer access-old", "Bearer access-new"]);
});

test("renewal of another kind replaces the session's", async () => {
  const { shop, requests } = scripted([UNAUTHORIZED(), jsonResponse({ id: "1" })], {
    tokens: loggedIn(),
    renew: async (refreshToken) => (refreshToken === "refresh-old" ? RENEWED : undefined),
  });

  await shop.users.get();

  expect(paths(requests)).toEqual(["GET /api/users/me", "GET /api/users/me"]);
  expect(headers(requests, "Authorization")[1]).toBe("Bearer access-new");
});

test("rejected renewal of another kind ends the session", async () => {
  const tokens = loggedIn();
  const { shop } = scripted([UNAUTHORIZED()], { tokens, renew: async () => undefined });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await tokens.load()).toBeUndefined();
});

test("logOut deletes the tokens, even of an ended session", async () => {
  for (const steps of [[new Response(null, { status: 204 })], [UNAUTHORIZED(), UNAUTHORIZED()]]) {
    const tokens = loggedIn();
    const { shop, requests } = scripted(steps, { tokens });

    await shop.logOut();

    expect(paths(requests)[0]).toBe("DELETE /api/sessions/current");
    expect(await tokens.load()).toBeUndefined();
  }
});

test("abort during a renewal rejects at once, and the renewal continues for others", async () => {
  let finish: (response: Response) => void = () => undefined;
  const renewal = new Promise<Response>((resolve) => {
    finish = resolve;
  });
  const tokens = loggedIn();
  const { shop, requests } = scripted(
    [UNAUTHORIZED(), UNAUTHORIZED(), () => renewal, jsonResponse({ id: "ada" })],
    { tokens },
  );
  const caller = new AbortController();

  const aborted = shop.api.GET("/api/sessions", { signal: caller.signal });
  const other = shop.users.get();
  await vi.waitFor(() => expect(requests).toHaveLength(3));
  caller.abort(new Error("The page was left."));
  await expect(aborted).rejects.toThrow("The page was left.");
  finish(grant("new"));

  expect(await other).toEqual({ id: "ada" });
  expect(await tokens.load()).toEqual(RENEWED);
  expect(requests).toHaveLength(4);
});

test("renewal that fails after its only caller aborted is no unhandled rejection", async () => {
  const { shop, requests } = scripted([UNAUTHORIZED(), never], { tokens: loggedIn(), attempts: 1 });
  const caller = new AbortController();

  const aborted = shop.api.GET("/api/sessions", { signal: caller.signal });
  await vi.waitFor(() => expect(requests).toHaveLength(2));
  caller.abort();

  expect(await settled(aborted)).toMatchObject({ name: "AbortError" });
});

test.each([{}, { accessToken: "a" }, { accessToken: 1, refreshToken: 2 }, { error: null }])(
  "foreign token response %j replaces no tokens",
  async (foreign) => {
    const tokens = loggedIn();
    const ended = vi.fn();
    const { shop } = scripted([UNAUTHORIZED(), jsonResponse(foreign), jsonResponse(foreign, 201)], {
      tokens,
      onSessionEnd: ended,
    });

    expect(await settled(shop.users.get())).toMatchObject({
      name: "NoAnswer",
      message: "No answer of the shop to POST /api/access-tokens, but HTTP 200 of somebody else",
    });
    const login = shop.logIn({ email: "ada@example.com", password: "a long walk" });
    expect(await settled(login)).toMatchObject({
      name: "NoAnswer",
      message: "No answer of the shop to POST /api/sessions, but HTTP 201 of somebody else",
    });

    expect(await tokens.load()).toEqual({ accessToken: "access-old", refreshToken: "refresh-old" });
    expect(ended).not.toHaveBeenCalled();
  },
);

test("lost attempt still counts after a renewal", async () => {
  const gone = errorResponse(404, "NOT_FOUND");
  const { shop } = scripted([lost(), UNAUTHORIZED(), grant("new"), gone], { tokens: loggedIn() });

  expect(await settled(shop.products.delete("pear"))).toBeUndefined();
});

const quota = () => {
  throw new Error("QuotaExceededError");
};

test("storage that cannot save loses no tokens", async () => {
  const full: TokenStorage = { load: () => undefined, save: quota };
  const { shop, requests } = scripted(
    [
      grant("old"),
      UNAUTHORIZED(),
      grant("new"),
      jsonResponse({ id: "1" }),
      jsonResponse({ id: "1" }),
    ],
    { tokens: full },
  );

  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([
    null,
    "Bearer access-old",
    null,
    "Bearer access-new",
    "Bearer access-new",
  ]);
});

test("storage that recovers is used again", async () => {
  let full = true;
  const stored = loggedIn();
  const tokens: TokenStorage = {
    load: () => stored.load(),
    save: (saved) => (full ? quota() : stored.save(saved)),
  };
  const { shop, requests } = scripted(
    [
      UNAUTHORIZED(),
      grant("newer"),
      jsonResponse({ id: "1" }),
      UNAUTHORIZED(),
      grant("new"),
      jsonResponse({ id: "1" }),
      jsonResponse({ id: "1" }),
    ],
    { tokens },
  );
  await shop.users.get();
  full = false;
  await shop.users.get();
  await stored.save({ accessToken: "access-elsewhere", refreshToken: "refresh-elsewhere" });
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([
    "Bearer access-old",
    null,
    "Bearer access-newer",
    "Bearer access-newer",
    null,
    "Bearer access-new",
    "Bearer access-elsewhere",
  ]);
});

test("storage that cannot load counts as empty until the login", async () => {
  const { shop, requests } = scripted(
    [jsonResponse({ id: "1" }), grant("new"), jsonResponse({ id: "1" })],
    {
      tokens: { load: quota, save: () => undefined },
    },
  );

  await shop.products.get("pear");
  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([null, null, "Bearer access-new"]);
});

test("tokens are used while they are being saved", async () => {
  let saved: () => void = () => undefined;
  const tokens: TokenStorage = {
    load: () => undefined,
    save: () =>
      new Promise((resolve) => {
        saved = resolve;
      }),
  };
  const { shop, requests } = scripted([grant("new"), jsonResponse({ id: "1" })], { tokens });

  const login = shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await vi.waitFor(() => expect(requests).toHaveLength(1));
  await shop.users.get();
  saved();
  await login;

  expect(headers(requests, "Authorization")).toEqual([null, "Bearer access-new"]);
});

test("storage keeps the newest login if an earlier save ends later", async () => {
  let stored: unknown;
  let overtake: () => void = () => undefined;
  const overtaken = new Promise<void>((resolve) => {
    overtake = resolve;
  });
  const tokens: TokenStorage = {
    load: () => undefined,
    async save(saved) {
      if (saved?.accessToken === "access-1") await overtaken;
      stored = saved?.accessToken;
    },
  };
  const { shop } = scripted([grant("1"), grant("2")], { tokens });
  const login = { email: "ada@example.com", password: "a long walk" };

  const first = shop.logIn(login);
  await vi.advanceTimersByTimeAsync(1);
  await shop.logIn(login);
  overtake();
  await first;

  expect(stored).toBe("access-2");
});

test("onSessionEnd is called once, after the tokens are deleted", async () => {
  const done = () => new Response(null, { status: 204 });
  const cases: [Response[], (shop: ReturnType<typeof scripted>["shop"]) => Promise<unknown>][] = [
    [[done()], (shop) => shop.logOut()],
    [[UNAUTHORIZED(), UNAUTHORIZED()], (shop) => shop.logOut()],
    [[done()], (shop) => shop.sessions.endAll()],
    [[done()], (shop) => shop.users.delete()],
    [
      [UNAUTHORIZED(), UNAUTHORIZED(), UNAUTHORIZED(), UNAUTHORIZED()],
      (shop) => Promise.allSettled([shop.users.get(), shop.users.get(), shop.users.get()]),
    ],
  ];
  for (const [steps, work] of cases) {
    const tokens = loggedIn();
    const found: unknown[] = [];
    const onSessionEnd = () => found.push(tokens.load());
    const { shop } = scripted([...steps, UNAUTHORIZED()], { tokens, onSessionEnd });

    await work(shop);
    await shop.users.get().catch(() => undefined);

    expect(found).toEqual([undefined]);
  }
});

test("onSessionEnd that throws is an unhandled rejection, and replaces no result", async () => {
  const unhandled: unknown[] = [];
  const listeners = process.rawListeners("unhandledRejection") as (() => void)[];
  process.removeAllListeners("unhandledRejection");
  const observed = new Promise<void>((resolve) => {
    process.on("unhandledRejection", (error) => {
      unhandled.push(error);
      if (unhandled.length === 2) resolve();
    });
  });
  const broken = new Error("The callback failed.");
  const onSessionEnd = () => {
    throw broken;
  };
  const noContent = new Response(null, { status: 204 });
  const options = () => ({ tokens: loggedIn(), onSessionEnd });

  try {
    await scripted([noContent], options()).shop.logOut();
    const { shop } = scripted([UNAUTHORIZED(), UNAUTHORIZED()], options());
    await expect(shop.users.get()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await observed;
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }

  expect(unhandled).toEqual([broken, broken]);
});

test("onSessionEnd is called once if another page ended the session", async () => {
  const tokens = loggedIn();
  const ended = vi.fn();
  const { shop } = scripted([jsonResponse({ id: "1" }), UNAUTHORIZED(), UNAUTHORIZED()], {
    tokens,
    onSessionEnd: ended,
  });

  await shop.users.get();
  await tokens.save(undefined);
  await Promise.allSettled([shop.users.get(), shop.users.get()]);

  expect(ended).toHaveBeenCalledOnce();
});

test("onSessionEnd is not called without a session", async () => {
  const ended = vi.fn();
  const { shop } = scripted(
    [UNAUTHORIZED(), jsonResponse({ id: "1" }), grant("new"), jsonResponse({ id: "1" })],
    {
      onSessionEnd: ended,
    },
  );

  await shop.users.get().catch(() => undefined);
  await shop.products.get("pear");
  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();

  expect(ended).not.toHaveBeenCalled();
});

test("tokens in localStorage survive the page, and damaged ones are ignored", async () => {
  const items = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => items.set(name, value),
    removeItem: (name: string) => items.delete(name),
  });
  const page = (...steps: Response[]) => scripted(steps, { tokens: inLocalStorage("tokens") });

  const first = page(grant("new"));
  await first.shop.logIn({ email: "ada@example.com", password: "a long walk" });
  expect(JSON.parse(items.get("tokens") ?? "")).toEqual(RENEWED);

  const second = page(jsonResponse({ id: "1" }), new Response(null, { status: 204 }));
  await second.shop.users.get();
  expect(headers(second.requests, "Authorization")).toEqual(["Bearer access-new"]);
  await second.shop.logOut();
  expect(items.size).toBe(0);

  for (const damaged of ["{", "{}", '{"accessToken": 1}', "7"]) {
    items.set("tokens", damaged);
    const third = page(jsonResponse({ id: "1" }));
    await third.shop.products.get("pear");
    expect(headers(third.requests, "Authorization")).toEqual([null]);
  }
});

test("tokens stay in memory on a server without localStorage", async () => {
  vi.stubGlobal("localStorage", undefined);
  const { shop, requests } = scripted([grant("new"), jsonResponse({ id: "1" })], {
    tokens: inLocalStorage(),
  });

  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([null, "Bearer access-new"]);
});
