/** oauth4webapi: a function for each request, and another for the checks of its response. */

import assert from "node:assert/strict";
import test from "node:test";
import * as oauth from "oauth4webapi";
import { MAX_AGE, STATE, testFlows } from "./flows.js";
import { audience, person, server, url } from "./stack.js";

const AUTHENTICATION = {
  none: oauth.None,
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
};
const HTTP = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(url);

async function discover(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...HTTP });
  return oauth.processDiscoveryResponse(issuer, response);
}

const metadata = await discover("oidc");

async function connect({ id, secret, redirectUri }, method) {
  const client = { client_id: id };
  const sender = [metadata, client, AUTHENTICATION[method](secret)];

  async function begin(parameters) {
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = oauth.generateRandomNonce();
    const target = new URL(metadata.authorization_endpoint);
    target.search = new URLSearchParams({
      client_id: id,
      redirect_uri: redirectUri,
      response_type: "code",
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...parameters,
    });
    return { target, finish: (callback) => finish(callback, verifier, nonce) };
  }

  async function finish(callback, verifier, nonce) {
    const parameters = oauth.validateAuthResponse(metadata, client, callback, STATE);
    const grant = [parameters, redirectUri, verifier, HTTP];
    const response = await oauth.authorizationCodeGrantRequest(...sender, ...grant);
    const checks = { expectedNonce: nonce, maxAge: MAX_AGE, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(metadata, client, response, checks);
    await oauth.validateApplicationLevelSignature(metadata, response, HTTP);
    return tokens;
  }

  return {
    begin,
    async refresh(token, additionalParameters) {
      const options = { additionalParameters, ...HTTP };
      const response = await oauth.refreshTokenGrantRequest(...sender, token, options);
      const tokens = await oauth.processRefreshTokenResponse(metadata, client, response);
      await oauth.validateApplicationLevelSignature(metadata, response, HTTP);
      return tokens;
    },
    async own(parameters = {}) {
      const response = await oauth.clientCredentialsGrantRequest(...sender, parameters, HTTP);
      return oauth.processClientCredentialsResponse(metadata, client, response);
    },
    async grant(type, parameters) {
      const response = await oauth.genericTokenEndpointRequest(...sender, type, parameters, HTTP);
      return oauth.processGenericTokenEndpointResponse(metadata, client, response);
    },
    async revoke(token) {
      return oauth.processRevocationResponse(await oauth.revocationRequest(...sender, token, HTTP));
    },
    async introspect(token) {
      const response = await oauth.introspectionRequest(...sender, token, HTTP);
      return oauth.processIntrospectionResponse(metadata, client, response);
    },
    async userInfo({ access_token }) {
      const response = await oauth.userInfoRequest(metadata, client, access_token, HTTP);
      return oauth.processUserInfoResponse(metadata, client, person.id, response);
    },
    get: ({ access_token }, target) =>
      oauth.protectedResourceRequest(access_token, "GET", target, undefined, undefined, HTTP),
    subject: (tokens) => oauth.getValidatedIdTokenClaims(tokens).sub,
  };
}

testFlows({ discover, connect });

test("access token passes the checks of an API by RFC 9068", async () => {
  const client = await connect(server, "client_secret_basic");
  const { access_token, scope } = await client.own();
  const request = new Request(url, { headers: { Authorization: `Bearer ${access_token}` } });

  const claims = await oauth.validateJwtAccessToken(metadata, request, audience, HTTP);

  assert.deepEqual([claims.sub, claims.client_id, claims.scope], [server.id, server.id, scope]);
});
