"use strict";
// URLs are relative to this script: the URL of the page may end in a slash.
// Tokens are in memory only: reloading or closing the page discards them.
const API = new URL("..", document.currentScript.src);
const ui = SwaggerUIBundle({
  url: new URL("openapi.json", API).href,
  dom_id: "#calls",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  oauth2RedirectUrl: new URL("docs/oauth2-redirect.html", API).href,
  validatorUrl: null, // the validator would send the URL of the document to a third party
  onComplete: () => { logInButton.disabled = false; },
  plugins: [() => ({ wrapComponents: { headers: folded } })],
});
ui.initOAuth({
  clientId: new URLSearchParams(location.search).get("client_id") ?? "",
  usePkceWithAuthorizationCodeGrant: true,
});

// The dozen responses of an operation have the same three headers, so they are folded.
function folded(Headers, { React: { createElement } }) {
  return (props) => props.headers?.size > 0 &&
    createElement("details", null, createElement("summary", null, "Headers"), createElement(Headers, props));
}

const SCHEME = "accessToken"; // the name in the document
const form = document.getElementById("login");
const logInButton = form.querySelector("button");
const logOutButton = document.getElementById("log-out");
const statusLine = document.querySelector("[role=status]");
let token;

async function logIn(event) {
  event.preventDefault();
  logInButton.disabled = true;
  statusLine.textContent = "Please wait…";
  const { email, password } = Object.fromEntries(new FormData(form));
  try {
    const response = await send("POST", "api/sessions", {}, JSON.stringify({ email, password }));
    const body = await response.json();
    if (response.ok) begin(email, body);
    else statusLine.textContent = body.error.message;
  } catch {
    statusLine.textContent = "The shop is not reachable. Try again.";
  }
  logInButton.disabled = false;
}

function begin(email, grant) {
  token = grant.accessToken;
  ui.preauthorizeApiKey(SCHEME, token);
  const end = new Date(Date.now() + grant.expiresIn * 1000);
  const time = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  statusLine.textContent = `Logged in as ${email} until ${time}.`;
  form.reset();
  form.hidden = true;
  logOutButton.hidden = false;
  logOutButton.focus();
}

async function logOut() {
  const ended = token;
  token = undefined;
  ui.authActions.logout([SCHEME]);
  logOutButton.hidden = true;
  form.hidden = false;
  form.elements.email.focus();
  try {
    const response = await send("DELETE", "api/sessions/current", { Authorization: `Bearer ${ended}` });
    // 401 means that the session has already ended.
    statusLine.textContent = response.ok || response.status === 401 ? "Logged out." : NOT_ENDED;
  } catch {
    statusLine.textContent = NOT_ENDED;
  }
}

const NOT_ENDED = "Logged out on this page, but the session could not be ended.";

function send(method, path, headers, body) {
  const type = body ? { "Content-Type": "application/json" } : {};
  return fetch(new URL(path, API), { method, headers: { ...headers, ...type }, body, credentials: "omit", cache: "no-store" });
}

form.addEventListener("submit", logIn);
logOutButton.addEventListener("click", logOut);
