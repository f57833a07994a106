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
  validatorUrl: null, // the validator would send the URL of the document to a third party
  onComplete: () => { enter.disabled = false; },
  plugins: [() => ({ wrapComponents: { headers: folded } })],
});

// The dozen responses of an operation have the same three headers, so they are folded.
function folded(Headers, { React: { createElement } }) {
  return (props) => props.headers?.size > 0 &&
    createElement("details", null, createElement("summary", null, "Headers"), createElement(Headers, props));
}

const SCHEME = "accessToken"; // the name in the document
const form = document.getElementById("log-in");
const enter = form.querySelector("button");
const leave = document.getElementById("log-out");
const told = document.querySelector("[role=status]");
let token;

async function logIn(event) {
  event.preventDefault();
  enter.disabled = true;
  told.textContent = "One moment…";
  const { email, password } = Object.fromEntries(new FormData(form));
  try {
    const answer = await ask("POST", "api/sessions", {}, JSON.stringify({ email, password }));
    const body = await answer.json();
    if (answer.ok) begin(email, body);
    else told.textContent = body.error.message;
  } catch {
    told.textContent = "The shop cannot be reached. Try again.";
  }
  enter.disabled = false;
}

function begin(email, grant) {
  token = grant.accessToken;
  ui.preauthorizeApiKey(SCHEME, token);
  const end = new Date(Date.now() + grant.expiresIn * 1000);
  const time = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  told.textContent = `Logged in as ${email} until ${time}.`;
  form.reset();
  form.hidden = true;
  leave.hidden = false;
  leave.focus();
}

async function logOut() {
  const ended = token;
  token = undefined;
  ui.authActions.logout([SCHEME]);
  leave.hidden = true;
  form.hidden = false;
  form.elements.email.focus();
  try {
    const answer = await ask("DELETE", "api/sessions/current", { Authorization: `Bearer ${ended}` });
    // 401 means that the session has already ended.
    told.textContent = answer.ok || answer.status === 401 ? "Logged out." : NOT_ENDED;
  } catch {
    told.textContent = NOT_ENDED;
  }
}

const NOT_ENDED = "Logged out here, but the session could not be ended.";

function ask(method, path, headers, body) {
  const type = body ? { "Content-Type": "application/json" } : {};
  return fetch(new URL(path, API), { method, headers: { ...headers, ...type }, body, credentials: "omit", cache: "no-store" });
}

form.addEventListener("submit", logIn);
leave.addEventListener("click", logOut);
