"use strict";
// Swagger UI keeps the request in the window that opened this one.
const request = window.opener?.swaggerUIRedirectOauth2;
if (request) {
  finish(request, new URLSearchParams(location.search));
  window.close();
}

function finish({ auth, state, redirectUrl, callback, errCb }, sent) {
  if (sent.get("state") !== state) return fail("The response belongs to another request.");
  if (!sent.has("code")) return fail(sent.get("error_description") ?? "The response has no code.");
  auth.code = sent.get("code");
  callback({ auth, redirectUrl });

  function fail(message) {
    errCb({ authId: auth.name, source: "auth", level: "error", message });
  }
}
