/** The tests of a library. Its adapter sends requests, and rejects as the library does. */

import assert from "node:assert/strict";
import test from "node:test";
import { authorize, person, phone, server, url } from "./stack.js";

export const MAX_AGE = 3600; // seconds since the login
const SCOPE = "openid profile email orders:read";
/** With characters that an encoding could lose. */
export const STATE = "two words & a=b + 100% #1 – ünïcode ✓";

const CLIENTS = {
  none: phone,
  client_secret_basic: server,
  client_secret_post: server,
};

/** Errors in the redirect, with the request that causes each one, and the user's answer. */
const REDIRECTED = [
  ["access_denied", {}, "refused"],
  ["invalid_scope", { scope: "admin:users:read" }],
  ["login_required", { prompt: "none" }],
  ["invalid_request", { code_challenge_method: "plain" }],
  ["invalid_request", { response_mode: "form_post" }],
  ["unsupported_response_type", { response_type: "token" }],
  ["request_not_supported", { request: "e30.e30." }],
  ["request_uri_not_supported", { request_uri: "urn:example:1" }],
];

export function testFlows({ discover, connect }) {
  const begin = (client, changes) =>
    client.begin({ scope: SCOPE, state: STATE, max_age: String(MAX_AGE), ...changes });

  async function signIn(method) {
    const client = await connect(CLIENTS[method], method);
    const { target, finish } = await begin(client);
    const callback = await authorize(target);
    return { client, again: () => finish(callback), tokens: await finish(callback) };
  }

  async function assertEnded(client, tokens) {
    await assert.rejects(client.refresh(tokens.refresh_token), failure("invalid_grant"));
    await assert.rejects(client.userInfo(tokens), {
      name: "WWWAuthenticateChallengeError",
      status: 401,
    });
  }

  for (const algorithm of ["oidc", "oauth2"]) {
    test(`discovery by ${algorithm} finds the endpoints`, async () => {
      const found = await discover(algorithm);

      assert.equal(found.token_endpoint, `${url}/oauth/token`);
      assert.deepEqual(found.code_challenge_methods_supported, ["S256"]);
    });
  }

  for (const method of Object.keys(CLIENTS)) {
    test(`user signs in at a client with ${method}`, async () => {
      const { client, tokens } = await signIn(method);
      const user = await client.userInfo(tokens);

      assert.deepEqual([user.sub, user.email], [person.id, person.email]);
      assert.deepEqual([client.subject(tokens), tokens.scope], [person.id, SCOPE]);
    });

    test(`refresh token of a client with ${method} rotates`, async () => {
      const { client, tokens } = await signIn(method);

      const second = await client.refresh(tokens.refresh_token);
      const third = await client.refresh(second.refresh_token, { scope: "openid" });

      assert.equal(client.subject(second), person.id);
      assert.equal(third.scope, "openid");
      assert.equal(new Set([tokens, second, third].map((it) => it.refresh_token)).size, 3);
      // A token two rotations old ends them all.
      await assert.rejects(client.refresh(tokens.refresh_token), failure("invalid_grant"));
      await assertEnded(client, third);
    });

    test(`revocation by a client with ${method} ends both tokens`, async () => {
      const { client, tokens } = await signIn(method);

      await client.revoke(tokens.refresh_token);

      await assertEnded(client, tokens);
    });

    test(`code replayed by a client with ${method} ends its tokens`, async () => {
      const { client, again, tokens } = await signIn(method);

      await assert.rejects(again(), failure("invalid_grant"));

      await assertEnded(client, tokens);
    });
  }

  for (const method of ["client_secret_basic", "client_secret_post"]) {
    test(`introspection by a client with ${method} shows live tokens`, async () => {
      const { client, tokens } = await signIn(method);

      const access = await client.introspect(tokens.access_token);
      const refresh = await client.introspect(tokens.refresh_token);
      await client.revoke(tokens.access_token);
      const ended = await client.introspect(tokens.access_token);

      assert.deepEqual([access.active, access.sub, access.scope], [true, person.id, SCOPE]);
      assert.deepEqual([refresh.active, refresh.client_id], [true, server.id]);
      assert.deepEqual(ended, { active: false });
    });

    test(`client with ${method} gets a token of its own`, async () => {
      const client = await connect(server, method);

      const tokens = await client.own({ scope: "admin:orders:read" });
      const orders = await client.get(tokens, new URL(`${url}/api/orders`));

      assert.deepEqual([orders.status, tokens.scope], [200, "admin:orders:read"]);
      await assert.rejects(client.own({ scope: "orders:read" }), failure("invalid_scope"));
    });

    test(`wrong secret by ${method} is invalid_client`, async () => {
      const client = await connect({ ...server, secret: "wrong" }, method);

      await assert.rejects(client.own(), failure("invalid_client", 401));
      await assert.rejects(client.refresh("x"), failure("invalid_client", 401));
      await assert.rejects(client.introspect("x"), failure("invalid_client", 401));
      await assert.rejects(client.revoke("x"), failure("invalid_client", 401));
    });
  }

  test("grant type that the client may not use is rejected", async () => {
    const client = await connect(phone, "none");

    await assert.rejects(client.own(), failure("unauthorized_client"));
    await assert.rejects(client.grant("password", {}), failure("unsupported_grant_type"));
  });

  for (const [error, changes, consent] of REDIRECTED) {
    test(`redirect has ${error} for ${JSON.stringify(changes)}`, async () => {
      const { target, finish } = await begin(await connect(phone, "none"), changes);

      const callback = await authorize(target, consent);

      await assert.rejects(finish(callback), { name: "AuthorizationResponseError", error });
    });
  }

  test("code with another challenge is invalid_grant", async () => {
    const client = await connect(phone, "none");
    const { target, finish } = await begin(client, { code_challenge: "x".repeat(43) });

    const callback = await authorize(target);

    await assert.rejects(finish(callback), failure("invalid_grant"));
  });

  test("ID token with another nonce is rejected by the library", async () => {
    const client = await connect(phone, "none");
    const { target, finish } = await begin(client, { nonce: "another" });

    const callback = await authorize(target);

    await assert.rejects(finish(callback), { code: "OAUTH_JWT_CLAIM_COMPARISON_FAILED" });
  });

  for (const [name, value] of [
    ["iss", ""],
    ["state", "another"],
  ]) {
    test(`callback with ${name} "${value}" is rejected by the library`, async () => {
      const { target, finish } = await begin(await connect(phone, "none"));
      const callback = await authorize(target);
      callback.searchParams.set(name, value);

      await assert.rejects(finish(callback), { code: "OAUTH_INVALID_RESPONSE" });
    });
  }
}

const failure = (error, status = 400) => ({ name: "ResponseBodyError", error, status });
