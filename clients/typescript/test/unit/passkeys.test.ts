/** Passkeys: the browser's values reach the API in base64url, and the API's challenge the browser. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inMemory } from "../../src/index.js";
import {
  errorResponse,
  grant,
  jsonResponse,
  loggedIn,
  lost,
  paths,
  scripted,
} from "../scripted.js";

const CHALLENGE = () =>
  jsonResponse({
    challenge: "_-8A",
    expiresAt: "2026-11-22T18:06:00.000Z",
    domain: "shop.example",
  });
const USER = () => jsonResponse({ id: "ada", email: "ada@example.com", name: "Ada" });
const ADDED = () => jsonResponse({ id: "p1", kind: "passkey", name: "Phone" }, 201);

const bytes = (...values: number[]) => new Uint8Array(values).buffer;
const CREATED = {
  id: "credential",
  response: {
    clientDataJSON: bytes(1, 2),
    getAuthenticatorData: () => bytes(251, 255),
    getPublicKey: (): ArrayBuffer | null => bytes(3),
    getPublicKeyAlgorithm: () => -7,
  },
};
const SIGNED = {
  id: "credential",
  response: {
    userHandle: bytes(97) as ArrayBuffer | null,
    clientDataJSON: bytes(1, 2),
    authenticatorData: bytes(251, 255),
    signature: bytes(4),
  },
};

const create = vi.fn();
const get = vi.fn();

beforeEach(() => {
  create.mockResolvedValue(CREATED);
  get.mockResolvedValue(SIGNED);
  vi.stubGlobal("navigator", { credentials: { create, get } });
  vi.stubGlobal("PublicKeyCredential", class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetAllMocks();
});

test("passkey of the logged-in user is created and added", async () => {
  const { shop, requests } = scripted([USER(), CHALLENGE(), ADDED()], { tokens: loggedIn() });

  const added = await shop.passkeys.create("Phone");

  expect(added.id).toBe("p1");
  expect(paths(requests)).toEqual([
    "GET /api/users/me",
    "POST /api/passkey-challenges",
    "POST /api/passkeys",
  ]);
  expect(create.mock.calls[0]?.[0].publicKey).toEqual({
    challenge: new Uint8Array([255, 239, 0]),
    rp: { id: "shop.example", name: "shop.example" },
    user: { id: new TextEncoder().encode("ada"), name: "ada@example.com", displayName: "Ada" },
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
  expect(await requests[2]?.json()).toEqual({
    challenge: "_-8A",
    id: "credential",
    clientData: "AQI",
    authenticatorData: "-_8",
    publicKey: "Aw",
    alg: -7,
    name: "Phone",
  });
});

test("login with a passkey saves the tokens", async () => {
  const tokens = inMemory();
  const { shop, requests } = scripted([CHALLENGE(), grant("new")], { tokens });

  await shop.passkeys.logIn();

  expect(get.mock.calls[0]?.[0]).toEqual({
    publicKey: {
      challenge: new Uint8Array([255, 239, 0]),
      rpId: "shop.example",
      userVerification: "required",
    },
  });
  expect(await requests[1]?.json()).toEqual({
    challenge: "_-8A",
    id: "credential",
    userHandle: "YQ",
    clientData: "AQI",
    authenticatorData: "-_8",
    signature: "BA",
  });
  expect(await tokens.load()).toEqual({ accessToken: "access-new", refreshToken: "refresh-new" });
});

test("login with a passkey is not repeated after a lost response", async () => {
  const { shop, requests } = scripted([CHALLENGE(), lost()]);

  await expect(shop.passkeys.logIn()).rejects.toMatchObject({ name: "NoAnswer" });

  expect(requests).toHaveLength(2);
});

test("rejected passkey keeps the tokens of another login", async () => {
  const tokens = loggedIn();
  const { shop } = scripted([CHALLENGE(), errorResponse(401, "INVALID_CREDENTIALS")], { tokens });

  await expect(shop.passkeys.logIn()).rejects.toMatchObject({ code: "INVALID_CREDENTIALS" });

  expect(await tokens.load()).toMatchObject({ accessToken: "access-old" });
});

test("user who declines sends nothing", async () => {
  const declined = new DOMException("No.", "NotAllowedError");
  get.mockRejectedValue(declined);
  create.mockRejectedValue(declined);

  const login = scripted([CHALLENGE()]);
  await expect(login.shop.passkeys.logIn()).rejects.toBe(declined);
  const registration = scripted([USER(), CHALLENGE()], { tokens: loggedIn() });
  await expect(registration.shop.passkeys.create("Phone")).rejects.toBe(declined);
});

test("browser without the key of a passkey adds nothing", async () => {
  create.mockResolvedValue({
    ...CREATED,
    response: { ...CREATED.response, getPublicKey: () => null },
  });
  const { shop, requests } = scripted([USER(), CHALLENGE()], { tokens: loggedIn() });

  await expect(shop.passkeys.create("Phone")).rejects.toThrow("cannot read the key");

  expect(requests).toHaveLength(2);
});

test("browser without passkeys is recognized", () => {
  const { shop } = scripted([]);

  expect(shop.passkeys.isSupported()).toBe(true);
  vi.stubGlobal("PublicKeyCredential", undefined);
  expect(shop.passkeys.isSupported()).toBe(false);
});
