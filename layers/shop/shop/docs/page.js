"use strict";
// URLs are relative to this script: the URL of the page may end in a slash.
// Tokens are in memory only: reloading or closing the page discards them.
const API = new URL("..", document.currentScript.src);
// Swagger UI has dark colours, but leaves the choice to the page.
const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const useScheme = () => document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
darkScheme.addEventListener("change", useScheme);
useScheme();
// The first operation of a tag is the one that most clients begin with; the others follow by path.
const FIRST = ["createSession", "createUser", "listProducts", "placeOrder"];
const METHODS = ["post", "get", "put", "patch", "delete"];
const ui = SwaggerUIBundle({
  url: new URL("openapi.json", API).href,
  dom_id: "#calls",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  oauth2RedirectUrl: new URL("docs/oauth2-redirect.html", API).href,
  validatorUrl: null, // the validator would send the URL of the document to a third party
  onComplete: () => { logInButton.disabled = false; },
  operationsSorter: (one, other) => compare(orderOf(one), orderOf(other)),
  plugins: [() => ({ wrapComponents: { headers: folded, DeepLink: unnested } })],
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

function orderOf(operation) {
  const isFirst = FIRST.includes(operation.getIn(["operation", "operationId"]));
  return [isFirst ? 0 : 1, operation.get("path"), METHODS.indexOf(operation.get("method"))];
}

function compare(one, other) {
  const at = one.findIndex((part, index) => part !== other[index]);
  return at < 0 ? 0 : one[at] < other[at] ? -1 : 1;
}

// An operation's link is inside the button that opens it, which assistive technology cannot use.
function unnested(DeepLink, { React: { createElement } }) {
  return (props) => props.path.includes("/")
    ? createElement("span", null, props.text)
    : createElement(DeepLink, props);
}

// Swagger UI leaves fields, buttons and regions without a name, and wide code without access by keyboard.
function completeMarkup() {
  const calls = document.getElementById("calls");
  const label = (selector, nameOf) => {
    for (const it of calls.querySelectorAll(`:is(${selector}):not([aria-label])`)) it.ariaLabel = nameOf(it);
  };
  label("[data-param-name] :is(select, input, textarea)", (it) => it.closest("[data-param-name]").dataset.paramName);
  label(".opblock-section-request-body :is(select, textarea)", () => "Request body");
  label(".examples-select-element", () => "Example");
  label(".copy-to-clipboard > button", () => "Copy");
  label(".close-modal", () => "Dismiss");
  for (const it of calls.querySelectorAll("table[role=region]")) {
    it.ariaLabel = `Responses of ${it.closest(".opblock").id.split("-").pop()}`;
  }
  for (const it of calls.querySelectorAll("pre.microlight:not([tabindex])")) {
    if (it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight) it.tabIndex = 0;
  }
}
let isPlanned = false;
new MutationObserver(() => {
  if (isPlanned) return;
  isPlanned = true;
  // Once per frame, since Swagger UI renders an operation in dozens of steps
  requestAnimationFrame(() => {
    isPlanned = false;
    completeMarkup();
  });
}).observe(document.getElementById("calls"), { childList: true, subtree: true });

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
