/** The deployed stack, and the browser of its user at the authorization endpoint. */

import assert from "node:assert/strict";

/** `phone` is a public client and `server` a confidential one, with its `secret`. */
export const { url, audience, person, phone, server } = JSON.parse(process.env.SHOP_STACK);

// The parameters that the page sends to the API
const SENT_BY_PAGE = [
  "client_id",
  "redirect_uri",
  "response_type",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "prompt",
];
const toCamel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

let accessToken;
({ accessToken } = await post("sessions", { email: person.email, password: person.password }));

/** Open the URL, answer the page unless the server redirects at once, and return the redirect. */
export async function authorize(authorizationUrl, consent = "given") {
  const opened = await fetch(authorizationUrl, { redirect: "manual" });
  if (opened.status === 303) return new URL(opened.headers.get("Location"));
  assert.equal(opened.status, 200, await opened.text());
  const sent = new URL(authorizationUrl).searchParams;
  const body = { consent };
  for (const name of SENT_BY_PAGE) {
    if (sent.has(name)) body[toCamel(name)] = sent.get(name);
  }
  return new URL((await post("authorizations", body)).redirectTo);
}

async function post(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (accessToken) headers.Authorization = `Bearer ${accessToken}`;
  const sent = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}/api/${path}`, sent);
  assert.ok(response.ok, await response.clone().text());
  return response.json();
}
