/** openid-client: one function for a request and the checks of its response. */

import * as oauth from "openid-client";
import { MAX_AGE, STATE, testFlows } from "./flows.js";
import { person, url } from "./stack.js";

const AUTHENTICATION = {
  none: oauth.None,
  client_secret_basic: oauth.ClientSecretBasic,
  client_secret_post: oauth.ClientSecretPost,
};

function configure(id, authentication, algorithm = "oidc") {
  return oauth.discovery(new URL(url), id, undefined, authentication, {
    algorithm,
    // The second verifies signatures of ID tokens, although they come from the server itself.
    execute: [oauth.allowInsecureRequests, oauth.enableNonRepudiationChecks],
  });
}

async function connect({ id, secret, redirectUri }, method) {
  const config = await configure(id, AUTHENTICATION[method](secret));

  async function begin(parameters) {
    const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
    const expectedNonce = oauth.randomNonce();
    const target = oauth.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      nonce: expectedNonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      ...parameters,
    });
    const checks = { pkceCodeVerifier, expectedNonce, expectedState: STATE, maxAge: MAX_AGE };
    const finish = (callback) =>
      oauth.authorizationCodeGrant(config, callback, { ...checks, idTokenExpected: true });
    return { target, finish };
  }

  return {
    begin,
    refresh: (token, parameters) => oauth.refreshTokenGrant(config, token, parameters),
    own: (parameters) => oauth.clientCredentialsGrant(config, parameters),
    grant: (type, parameters) => oauth.genericGrantRequest(config, type, parameters),
    revoke: (token) => oauth.tokenRevocation(config, token),
    introspect: (token) => oauth.tokenIntrospection(config, token),
    userInfo: (tokens) => oauth.fetchUserInfo(config, tokens.access_token, person.id),
    get: (tokens, target) =>
      oauth.fetchProtectedResource(config, tokens.access_token, target, "GET"),
    subject: (tokens) => tokens.claims().sub,
  };
}

testFlows({
  connect,
  discover: async (algorithm) => (await configure("any", oauth.None(), algorithm)).serverMetadata(),
});
