import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { answer, grant, headers, loggedIn, lost, paths, refusal, scripted } from "../scripted.js";

const UNAUTHORIZED = () => refusal(401, "UNAUTHORIZED");
const RENEWED = { accessToken: "access-new", refreshToken: "refresh-new" };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function settled<Value>(work: Promise<Value>): Promise<Value | Error> {
  const caught = work.catch((error: Error) => error);
  await vi.runAllTimersAsync();
  return caught;
}

test("a log-in's tokens are kept, and sent with what follows", async () => {
  const { shop, requests } = scripted([grant("new"), answer({ id: "ada" })]);

  await shop.logIn({ email: "ada@example.com", password: "a long walk" });
  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual([null, "Bearer access-new"]);
});

test("a refused token is renewed, and the request goes on", async () => {
  const tokens = loggedIn();
  const { shop, requests } = scripted([UNAUTHORIZED(), grant("new"), answer({ id: "1" }, 201)], {
    tokens,
  });

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

test("all that are refused at once share one renewal", async () => {
  const renewal = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return grant("new");
  };
  const { shop, requests } = scripted(
    [
      ...Array.from({ length: 5 }, UNAUTHORIZED),
      renewal,
      ...Array.from({ length: 5 }, () => answer({ id: "ada" })),
    ],
    { tokens: loggedIn() },
  );

  await settled(Promise.all(Array.from({ length: 5 }, () => shop.users.get())));

  expect(paths(requests).filter((path) => path === "POST /api/access-tokens")).toHaveLength(1);
  expect(headers(requests, "Authorization").slice(6)).toEqual(Array(5).fill("Bearer access-new"));
});

test("one that is refused later uses what was renewed for others", async () => {
  let refuse: (response: Response) => void = () => undefined;
  const late = new Promise<Response>((resolve) => {
    refuse = resolve;
  });
  const { shop, requests } = scripted(
    [() => late, UNAUTHORIZED(), grant("new"), answer({}), answer({})],
    { tokens: loggedIn() },
  );

  const slow = shop.users.get();
  await shop.users.get();
  refuse(UNAUTHORIZED());
  await slow;

  expect(paths(requests).filter((path) => path === "POST /api/access-tokens")).toHaveLength(1);
});

test("a renewal whose answer was lost is sent again with the same token", async () => {
  const { shop, requests } = scripted([UNAUTHORIZED(), lost(), grant("new"), answer({})], {
    tokens: loggedIn(),
  });

  expect(await settled(shop.users.get())).not.toBeInstanceOf(Error);
  const sent = { refreshToken: "refresh-old" };
  expect([await requests[1]?.json(), await requests[2]?.json()]).toEqual([sent, sent]);
});

test("a spent token is not sent again after the 30 seconds that it may be", async () => {
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

test("a session that has ended is forgotten, and said to be", async () => {
  const tokens = loggedIn();
  const { shop, requests } = scripted([UNAUTHORIZED(), UNAUTHORIZED()], { tokens });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await tokens.load()).toBeUndefined();
  expect(requests).toHaveLength(2);
});

test("a new token that is refused is not renewed once more", async () => {
  const { shop, requests } = scripted([UNAUTHORIZED(), grant("new"), UNAUTHORIZED()], {
    tokens: loggedIn(),
  });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(requests).toHaveLength(3);
});

test("a wrong password renews nothing", async () => {
  const { shop, requests } = scripted([refusal(401, "INVALID_CREDENTIALS")], {
    tokens: loggedIn(),
  });
  const change = { currentPassword: "wrong", newPassword: "a long walk" };

  expect(await settled(shop.users.changePassword(change))).toMatchObject({
    code: "INVALID_CREDENTIALS",
  });
  expect(requests).toHaveLength(1);
});

test("who logs out during a renewal stays logged out", async () => {
  const tokens = loggedIn();
  const renewal = async () => {
    await tokens.save(undefined);
    return grant("new");
  };
  const { shop } = scripted([UNAUTHORIZED(), renewal], { tokens });

  expect(await settled(shop.users.get())).toMatchObject({ code: "UNAUTHORIZED" });
  expect(await tokens.load()).toBeUndefined();
});

test("what another tab has renewed meanwhile is used", async () => {
  const tokens = loggedIn();
  const refused = async () => {
    await tokens.save(RENEWED);
    return UNAUTHORIZED();
  };
  const { shop, requests } = scripted([refused, answer({})], { tokens });

  await shop.users.get();

  expect(headers(requests, "Authorization")).toEqual(["Bearer access-old", "Bearer access-new"]);
});

test("logging out forgets the tokens, whether the session was there or not", async () => {
  for (const steps of [[new Response(null, { status: 204 })], [UNAUTHORIZED(), UNAUTHORIZED()]]) {
    const tokens = loggedIn();
    const { shop, requests } = scripted(steps, { tokens });

    await shop.logOut();

    expect(paths(requests)[0]).toBe("DELETE /api/sessions/current");
    expect(await tokens.load()).toBeUndefined();
  }
});
