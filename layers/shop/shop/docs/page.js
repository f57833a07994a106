"use strict";
// Addresses are relative to this script, wherever it is served: the page's own may end in a slash.
// Tokens are in memory alone: whoever reloads the page, or closes it, has none.
const API = new URL("..", document.currentScript.src);
const ui = SwaggerUIBundle({
  url: new URL("openapi.json", API).href,
  dom_id: "#calls",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null, // or a stranger's server would be told where the document is
  onComplete: () => { enter.disabled = false; },
  plugins: [() => ({ wrapComponents: { headers: folded } })],
});

// Each of a call's dozen responses has the same three headers: they open on a click.
function folded(Headers, { React: { createElement } }) {
  return (props) => props.headers?.size > 0 &&
    createElement("details", null, createElement("summary", null, "Headers"), createElement(Headers, props));
}

const SCHEME = "accessToken"; // as the document calls it
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
    // 401 says that the session has ended already.
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
